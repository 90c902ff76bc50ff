#include "fptq/bench.h"

#include "common_options.h"
#include "console.h"
#include "fptq/kv_cache.h"
#include "fptq/report.h"

namespace fptq::app {

int run_bench(const Arguments& args) {
  std::string model;
  BenchOptions options;
  bool json = false, markdown = false, csv = false;
  VerbosityFlags verbosity;
  CommandLine line(
      "bench", "fptq bench ./out --threads 1,2 --batch 1,4 --md",
      "Measures loading, prefill, decoding and memory. Lists are run in every combination; decoding\n"
      "follows the prompt. Prompts are random ids, the answer goes on past any end token.");
  line.positional("MODEL", model, "Hugging Face directory or GGUF file");
  line.integers("-t,--threads", options.threads, 1, 1024, "threads; without it, all cores");
  line.integers("-b,--batch", options.batch, 1, 1024, "sequences at a time");
  line.choices("--kv", options.kv, kv_names(), "KV cache; without it, as the model says");
  line.integer("-p,--prompt", options.prompt, 1, kMaxTokens, "tokens of a prompt");
  line.integer("-n,--gen", options.gen, 1, kMaxTokens, "new tokens behind it");
  line.integer("-r,--repeats", options.repeats, 1, 1000, "measurements of each");
  add_json(line, json);
  line.flag("--md", markdown, "print a Markdown table");
  line.flag("--csv", csv, "print comma-separated values");
  add_verbosity(line, verbosity);
  if (!line.parse(args)) return 0;
  check_verbosity(line);
  line.exclude("--json", "--md", "one form at a time");
  line.exclude("--json", "--csv", "one form at a time");
  line.exclude("--md", "--csv", "one form at a time");

  ProgressLine progress(verbosity.verbosity());
  const BenchResult result = bench(model, options, progress);
  print(json ? to_json(result) : markdown ? to_markdown(result) : csv ? to_csv(result) : to_text(result));
  return 0;
}

}  // namespace fptq::app
