#include "fptq/synth.h"

#include <fmt/format.h>

#include "common_options.h"
#include "console.h"
#include "fptq/report.h"

namespace fptq::app {

int run_synth(const Arguments& args) {
  std::string output;
  SynthOptions options;
  bool asymmetric = false, json = false;
  VerbosityFlags verbosity;
  CommandLine line("synth", "fptq synth ./random-1b --shape llama-3.2-1b && fptq bench ./random-1b",
                   "Writes a model of random weights in a real model's shape, to try a machine before any\n"
                   "download. Speed and memory are the real model's; the text it generates means nothing.");
  line.positional("OUT", output, "directory to write");
  line.choice("--shape", options.shape, synth_shape_names(), "whose shape (needed)");
  line.integer("--layers", options.layers, 1, 1000, "layers; without it, as many as the model has");
  line.choice("--scheme", options.scheme, {"w4a8", "bf16"}, "as quantize writes it, or plain");
  line.integer("-g,--group-size", options.group_size, -1, 65536, "inputs that share a scale; -1: a row");
  line.flag("--asym", asymmetric, "weights with zero points");
  line.choice("--head", options.head, {"keep", "int8", "int4"}, "output head in 16, 8 or 4 bits");
  line.seed("--seed", options.seed, "of the weights");
  line.flag("--force", options.overwrite, "replace OUT if it exists");
  add_json(line, json);
  add_threads(line, options.threads);
  add_verbosity(line, verbosity);
  if (!line.parse(args)) return 0;
  check_verbosity(line);
  if (options.shape.empty()) line.fail("is missing", "--shape");
  if (options.scheme == "bf16" && (line.given("--group-size") || line.given("--head") || asymmetric)) {
    line.fail("bf16 weights have no groups, no zero points and no quantized head", "--scheme");
  }
  options.symmetric = !asymmetric;

  ProgressLine progress(verbosity.verbosity());
  const SynthReport report = synthesize(output, options, progress);
  print(json ? to_json(report)
             : to_text(report) + fmt::format("\nNext:\n  fptq bench {}\n", shell_quoted(output)));
  return 0;
}

}  // namespace fptq::app
