#include "fptq/sensitivity.h"

#include "common_options.h"
#include "console.h"
#include "fptq/report.h"
#include "quantize_options.h"

namespace fptq::app {

int run_sensitivity(const Arguments& args) {
  std::string model;
  SensitivityOptions options;
  QuantizeFlags quantizing;
  bool json = false;
  VerbosityFlags verbosity;
  CommandLine line("sensitivity", "fptq sensitivity ./SmolLM2-135M --method gptq --json > sensitivity.json",
                   "What each linear layer costs: the KL divergence when only that layer is quantized. "
                   "'fptq report'\nreads the JSON. Options of 'fptq quantize' hold.");
  line.positional("MODEL", model, "Hugging Face directory or GGUF file");
  line.text("--text", "FILE", options.text, "evaluation text; without it, the one in the program");
  line.integer("-c,--ctx", options.ctx, 2, 1 << 30,
               "tokens of a window; without it, 512 or the model's maximum");
  line.integer("--max-tokens", options.max_tokens, 2, kMaxTokens, "use only the first N tokens");
  add_json(line, json);
  add_threads(line, options.threads);
  add_verbosity(line, verbosity);
  line.group("");  // `fptq quantize --help` lists them
  line.choice("--method", quantizing.options.method, method_names(), "how to quantize");
  add_quantize_options(line, quantizing);
  if (!line.parse(args)) return 0;
  check_verbosity(line);
  check_quantize_options(line, quantizing);
  options.quantize = quantizing.options;
  ProgressLine progress(verbosity.verbosity());
  const SensitivityResult result = measure_sensitivity(model, options, progress);
  print(json ? to_json(result) : to_text(result));
  return 0;
}

}  // namespace fptq::app
