#include "fptq/compare.h"

#include <fmt/format.h>

#include <algorithm>

#include "common_options.h"
#include "console.h"
#include "fptq/error.h"
#include "fptq/report.h"
#include "gates.h"
#include "method_entries.h"
#include "quantize_options.h"
#include "trial_options.h"

namespace fptq::app {
namespace {

constexpr const char* kMethodOptions = "Options of --methods";
constexpr const char* kQuantizing = "";  // `fptq quantize --help` and `fptq eval --help` list them

struct CompareArguments {
  std::string a, b;
  std::vector<std::string> methods;
  TrialFlags trials;
  Gates gates;
  QuantizeFlags quantizing;
  TableForm form;
  VerbosityFlags verbosity;
};

void declare(CommandLine& line, CompareArguments& a) {
  line.positional("A", a.a, "the original");
  line.optional_positional("B", a.b, "what was made of it; or else --methods");
  TrialOptions& o = a.trials.options;
  line.text("--text", "FILE", o.text, "evaluation text; without it, the one in the program");
  line.integer("-c,--ctx", o.ctx, 2, 1 << 30, "tokens of a window; without it, 1024 or the models' maximum");
  line.integer("--max-tokens", o.max_tokens, 2, kMaxTokens, "use only the first N tokens");
  line.text("--prompt", "TEXT", o.prompt, "what the models answer");
  line.integer("-n,--n-predict", o.max_new_tokens, 1, 1 << 20, "tokens of an answer at most");
  add_gates(line, a.gates);
  add_json(line, a.form.json);
  add_threads(line, o.threads);
  add_verbosity(line, a.verbosity);
  line.group(kMethodOptions);
  line.texts("--methods", "LIST", a.methods, "what to make of A; may be given several times");
  add_work_folder(line, a.trials);
  add_table_forms(line, a.form);
  line.names(
      "--tasks", "LIST", o.tasks.tasks,
      "benchmarks that each model answers, too; with --data, --limit and --num-fewshot as 'fptq eval'");
  line.group(kQuantizing);
  line.texts("--data", "FOLDER", o.tasks.data, "where the files of the tasks are");
  line.integer("--num-fewshot", o.tasks.num_fewshot, 0, 100, "solved examples before each question");
  line.integer("--limit", o.tasks.limit, 1, kMaxTokens, "use only the first N questions of each task");
  add_quantize_options(line, a.quantizing);
}

int compare_two(const CommandLine& line, const CompareArguments& a) {
  for (const char* group : {kMethodOptions, kQuantizing}) {
    const std::string option = line.given_in_group(group);
    if (!option.empty()) line.fail("needs --methods: A and B are compared as they are", option);
  }
  if (a.b.empty()) line.fail("expected a second model B, or --methods");
  const TrialOptions& o = a.trials.options;
  const CompareOptions options = {o.text, o.ctx, o.max_tokens, o.prompt, o.max_new_tokens, o.threads};
  ProgressLine progress(a.verbosity.verbosity());
  const CompareResult result = compare(a.a, a.b, options, progress);
  print(a.form.json ? to_json(result) : to_text(result));
  hold_to_gates(a.gates, {{a.b, result.kl.mean, result.quantized.perplexity, result.original.perplexity}});
  return 0;
}

std::vector<GatedModel> gated(const TrialsResult& result) {
  std::vector<GatedModel> models;
  for (const TrialResult& t : result.trials) {
    if (!t.evaluation || !t.evaluation->kl) continue;
    const EvalResult& e = *t.evaluation;
    models.push_back({t.name, e.kl->mean, e.perplexity, e.reference_perplexity});
  }
  return models;
}

int compare_methods(const CommandLine& line, CompareArguments& a) {
  if (!a.b.empty())
    line.fail(fmt::format("makes models of A, expected no second model, found '{}'", a.b), "--methods");
  check_table_forms(line);
  for (const char* option : {"--data", "--num-fewshot", "--limit"})
    line.require(option, "--tasks", "there are no questions");
  check_quantize_options(line, a.quantizing);
  const std::vector<Trial> trials = parse_method_entries("compare", a.methods, a.quantizing.options);
  finish_trial_options(a.a, "compare", a.trials);
  const std::string& work = a.trials.options.work;
  if (!a.verbosity.quiet) log(fmt::format("fptq: results and models are kept in {}", work));
  ProgressLine progress(a.verbosity.verbosity(), "the same command goes on where this one stopped");
  const TrialsResult result = run_trials(a.a, trials, a.trials.options, progress);
  print(a.form.json       ? to_json(result)
        : a.form.markdown ? to_markdown(result)
        : a.form.csv      ? to_csv(result)
                          : to_text(result));
  if (const int code = exit_code(result.trials); code != 0) return code;
  hold_to_gates(a.gates, gated(result));
  return 0;
}

}  // namespace

int run_compare(const Arguments& args) {
  CompareArguments a;
  CommandLine line(
      "compare", "fptq compare ./SmolLM2-135M ./out\n  fptq compare ./SmolLM2-135M --methods all,rtn:bits=8",
      "Two models side by side: size, perplexity, divergence of the second from the first, speed,\n"
      "memory, and an answer of each.\n\n"
      "With --methods, what several methods make of one model: quantizes, evaluates and measures each in\n"
      "turn and prints one table. What is finished is not done again: after an interruption, the same\n"
      "command goes on. A method that fails is a row with its reason; the exit code is then 1, and the\n"
      "same command tries it again.\n\n" +
          method_entries_help());
  declare(line, a);
  if (!line.parse(args)) return 0;
  check_verbosity(line);
  check_gates(line, a.gates);
  return line.given("--methods") ? compare_methods(line, a) : compare_two(line, a);
}

}  // namespace fptq::app
