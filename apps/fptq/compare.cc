#include "fptq/compare.h"

#include "common_options.h"
#include "console.h"
#include "fptq/report.h"

namespace fptq::app {

int run_compare(const Arguments& args) {
  std::string original, quantized;
  CompareOptions options;
  bool json = false;
  VerbosityFlags verbosity;
  CommandLine line(
      "compare", "fptq compare ./SmolLM2-135M ./out",
      "Two models side by side: size, perplexity, divergence of the second from the first, speed,\n"
      "memory, and an answer of each.");
  line.positional("A", original, "the original");
  line.positional("B", quantized, "what was made of it");
  line.text("--text", "FILE", options.text, "evaluation text; without it, the one in the program");
  line.integer("-c,--ctx", options.ctx, 2, 1 << 30,
               "tokens of a window; without it, 1024 or the models' maximum");
  line.integer("--max-tokens", options.max_tokens, 2, kMaxTokens, "use only the first N tokens");
  line.text("--prompt", "TEXT", options.prompt, "what both answer");
  line.integer("-n,--n-predict", options.max_new_tokens, 1, 1 << 20, "tokens of an answer at most");
  add_json(line, json);
  add_threads(line, options.threads);
  add_verbosity(line, verbosity);
  if (!line.parse(args)) return 0;
  check_verbosity(line);

  ProgressLine progress(verbosity.verbosity());
  const CompareResult result = compare(original, quantized, options, progress);
  print(json ? to_json(result) : to_text(result));
  return 0;
}

}  // namespace fptq::app
