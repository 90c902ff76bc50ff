#include "fptq/eval.h"

#include "common_options.h"
#include "console.h"
#include "fptq/report.h"
#include "gates.h"

namespace fptq::app {

int run_eval(const Arguments& args) {
  std::string model;
  EvalOptions options;
  Gates gates;
  bool json = false;
  VerbosityFlags verbosity;
  CommandLine line("eval", "fptq eval ./out --text wiki.test.raw --ctx 2048 --reference ./SmolLM2-135M",
                   "Perplexity of a model on a text, and its divergence from a reference model.");
  line.positional("MODEL", model, "Hugging Face directory or GGUF file");
  line.text("--text", "FILE", options.text, "text to evaluate on (needed)");
  line.integer("-c,--ctx", options.ctx, 2, 1 << 30,
               "tokens of a window; without it, 2048 or the model's maximum");
  line.integer("--max-tokens", options.max_tokens, 2, kMaxTokens, "use only the first N tokens");
  line.text("--reference", "MODEL", options.reference, "model to compare the distributions with");
  add_gates(line, gates);
  add_kv(line, options.kv);
  add_json(line, json);
  add_threads(line, options.threads);
  add_verbosity(line, verbosity);
  if (!line.parse(args)) return 0;
  check_verbosity(line);
  if (options.text.empty()) line.fail("is missing", "--text");
  check_gates(line, gates, "--reference");

  ProgressLine progress(verbosity.verbosity());
  const EvalResult result = evaluate(model, options, progress);
  print(json ? to_json(result) : to_text(result));
  if (result.kl)
    hold_to_gates(gates, {{model, result.kl->mean, result.perplexity, result.reference_perplexity}});
  return 0;
}

}  // namespace fptq::app
