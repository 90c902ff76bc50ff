#include "fptq/quantize.h"

#include <fmt/format.h>

#include "common_options.h"
#include "console.h"
#include "fptq/report.h"

namespace fptq::app {
namespace {

struct QuantizeArguments {
  std::string model, output;
  QuantizeOptions options;
  bool symmetric = false, asymmetric = false, no_eval = false;
  bool dry_run = false, explain = false, json = false;
  VerbosityFlags verbosity;
};

void declare(CommandLine& line, QuantizeArguments& a) {
  QuantizeOptions& o = a.options;
  line.positional("MODEL", a.model, "Hugging Face directory or GGUF file");
  line.positional("OUT", a.output, "directory to write");
  line.choice("--method", o.method, method_names(), "how to quantize");
  line.choice("--preset", o.preset, preset_names(), "time that method auto takes to learn");
  line.integer("--bits,--w-bits", o.weight_bits, 4, 8, "bits of a weight, 4 or 8");
  line.integer("-g,--group-size", o.group_size, -1, 65536, "inputs that share a scale; -1: a row");
  line.flag("--sym", a.symmetric, "symmetric weights (the default)");
  line.flag("--asym", a.asymmetric, "weights with zero points");
  line.text("--calib,--dataset", "FILE|random", o.calibration.source, "text, JSON lines, or random tokens");
  line.integer("--nsamples", o.calibration.nsamples, 1, 65536, "calibration windows");
  line.integer("--seqlen", o.calibration.seqlen, 1, 1 << 20, "tokens of a window");
  line.seed("--seed", o.calibration.seed, "of everything random");
  line.flag("--calib-random-windows", o.calibration.draw_at_random,
            "windows from anywhere in FILE, not its head");
  line.number("--static-threshold,--v0", o.static_threshold, 0, 1e30, "up to it a static activation scale");
  line.number("--dynamic-threshold,--v1", o.dynamic_threshold, 0, 1e30, "from it on a scale per token");
  line.choice("--head", o.head, {"keep", "int8", "int4"},
              "output head as it is, or in fewer bits: faster decoding");
  line.flag("--kv-int8", o.kv_int8, "ask engines for an INT8 KV cache");
  line.choice("--dtype", o.dtype, {"auto", "f32", "f16", "bf16"}, "of scales and dense tensors");
  line.text("--eval-text", "FILE", o.eval_text, "held-out text to measure the result on");
  line.flag("--no-eval", a.no_eval, "do not measure the result");
  line.flag("--dry-run", a.dry_run, "print the plan and stop");
  line.flag("--explain", a.explain, "print v, decision and reason for every input");
  line.flag("--force", o.overwrite, "replace OUT if it exists");
  add_json(line, a.json);
  add_threads(line, o.threads);
  add_verbosity(line, a.verbosity);
}

void check(const CommandLine& line, const QuantizeOptions& o) {
  check_verbosity(line);
  line.exclude("--sym", "--asym", "weights are one or the other");
  line.exclude("--eval-text", "--no-eval", "the text would not be read");
  line.exclude("--dry-run", "--explain", "decisions need the calibration run");
  line.exclude("--dry-run", "--force", "a dry run writes nothing");
  line.require("--calib-random-windows", "--calib", "random tokens have no windows to draw");
  if (line.given("--calib-random-windows") && o.calibration.source == "random") {
    line.fail("expected a file, found 'random': random tokens have no windows to draw", "--calib");
  }
  if (o.static_threshold > o.dynamic_threshold) {
    line.fail(fmt::format("{} is above --dynamic-threshold, {}", o.static_threshold, o.dynamic_threshold),
              "--static-threshold");
  }
}

std::string command_text(const Arguments& args) {
  std::string text = "fptq quantize";
  for (const std::string& arg : args) text += " " + shell_quoted(arg);
  return text;
}

std::string next_steps(const QuantizeArguments& a) {
  const std::string model = shell_quoted(a.model), out = shell_quoted(a.output);
  return fmt::format(
      "\nNext:\n  fptq generate {} \"Once upon a time\"\n  fptq compare {} {}\n  fptq verify {}\n", out,
      model, out, out);
}

}  // namespace

int run_quantize(const Arguments& args) {
  QuantizeArguments a;
  CommandLine line("quantize", "fptq quantize ./SmolLM2-135M ./out --group-size 64",
                   "Makes a model with 4-bit weights and 8-bit activations: a Hugging Face directory in the\n"
                   "compressed-tensors format.");
  declare(line, a);
  if (!line.parse(args)) return 0;
  check(line, a.options);
  a.options.symmetric = !a.asymmetric;
  a.options.evaluate = !a.no_eval;
  a.options.command = command_text(args);

  if (a.dry_run || !a.verbosity.quiet) {
    const QuantizePlan plan = plan_quantize(a.model, a.options);
    if (a.dry_run) {
      print(a.json ? to_json(plan) : to_text(plan));
      return 0;
    }
    log_block(to_text(plan) + "\n");
  }
  ProgressLine progress(a.verbosity.verbosity(), "the same command goes on from the last finished layer");
  const QuantizeReport report = quantize(a.model, a.output, a.options, progress);
  if (a.json) {
    print(to_json(report));
    return 0;
  }
  if (a.explain) print(explain(report) + "\n");
  print(to_text(report) + next_steps(a));
  return 0;
}

}  // namespace fptq::app
