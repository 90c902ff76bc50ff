#include "fptq/eval.h"

#include "common_options.h"
#include "console.h"
#include "fptq/report.h"
#include "fptq/tasks.h"
#include "gates.h"

namespace fptq::app {
namespace {

constexpr const char* kText = "Perplexity on a text";
constexpr const char* kTasks = "Benchmarks";

struct EvalFlags {
  EvalOptions text;
  TaskOptions tasks;
  Gates gates;
};

void add_text_options(CommandLine& line, EvalFlags& flags) {
  line.group(kText);
  line.text("--text", "FILE", flags.text.text, "text to evaluate on");
  line.integer("-c,--ctx", flags.text.ctx, 2, 1 << 30,
               "tokens of a window; without it, 2048 or the model's maximum");
  line.integer("--stride", flags.text.stride, 1, 1 << 30,
               "tokens from one window to the next, which scores those alone that the last one has not; "
               "without it, a window's length");
  line.integer("--max-tokens", flags.text.max_tokens, 2, kMaxTokens, "use only the first N tokens");
  line.text("--reference", "MODEL", flags.text.reference,
            "model to compare the distributions with, or a file of its saved predictions");
  line.text("--save-predictions", "FILE", flags.text.save_predictions,
            "save the model's predictions, for comparing others with them without it");
  line.integer("--top-k", flags.text.top_k, 1, kMaxTokens,
               "likeliest tokens of each position that are saved, the others as one");
  add_gates(line, flags.gates);
}

void add_task_options(CommandLine& line, TaskOptions& options) {
  line.group(kTasks);
  line.names(
      "--tasks", "LIST", options.tasks,
      "tasks, groups and YAML files of your own, separated by commas: lambada, mmlu, hellaswag, piqa, "
      "winogrande, arc_easy, arc_challenge, openbookqa, boolq, social_iqa, commonsense_qa, commonsense");
  line.texts("--data", "FOLDER", options.data, "where their files are; may be given several times");
  line.integer("--num-fewshot", options.num_fewshot, 0, 100, "solved examples before each question");
  line.integer("--limit", options.limit, 1, kMaxTokens, "use only the first N questions of each task");
  line.seed("--seed", options.seed, "of drawing examples and of the standard errors");
  line.text("--answers", "FILE", options.answers,
            "keep every answer in FILE; run again, a killed evaluation goes on from it");
}

int run_tasks(const std::string& model, const TaskOptions& options, bool json, ProgressLine& progress) {
  const TasksResult result = evaluate_tasks(model, options, progress);
  print(json ? to_json(result) : to_text(result));
  return 0;
}

}  // namespace

int run_eval(const Arguments& args) {
  std::string model;
  EvalFlags flags;
  bool json = false;
  VerbosityFlags verbosity;
  CommandLine line(
      "eval", "fptq eval ./out --text wiki.test.raw --ctx 2048 --reference ./SmolLM2-135M",
      "Perplexity of a model on a text and its divergence from a reference model, or its answers "
      "to benchmarks.");
  line.positional("MODEL", model, "Hugging Face directory or GGUF file");
  add_kv(line, flags.text.kv);
  add_json(line, json);
  add_threads(line, flags.text.threads);
  add_verbosity(line, verbosity);
  add_text_options(line, flags);
  add_task_options(line, flags.tasks);
  if (!line.parse(args)) return 0;
  check_verbosity(line);
  line.exclude("--text", "--tasks", "evaluate on one, then on the other");
  if (!line.given("--tasks")) {
    const std::string option = line.given_in_group(kTasks);
    if (!option.empty()) line.fail("needs --tasks: there are no questions", option);
    if (flags.text.text.empty()) line.fail("is missing (or give --tasks)", "--text");
  } else if (const std::string option = line.given_in_group(kText); !option.empty()) {
    line.fail("goes with --text, not with --tasks", option);
  }
  if (line.given("--top-k") && flags.text.save_predictions.empty())
    line.fail("needs --save-predictions: nothing is saved", "--top-k");
  check_gates(line, flags.gates, "--reference");

  ProgressLine progress(verbosity.verbosity());
  if (line.given("--tasks")) {
    flags.tasks.kv = flags.text.kv;
    flags.tasks.threads = flags.text.threads;
    return run_tasks(model, flags.tasks, json, progress);
  }
  const EvalResult result = evaluate(model, flags.text, progress);
  print(json ? to_json(result) : to_text(result));
  if (result.kl)
    hold_to_gates(flags.gates, {{model, result.kl->mean, result.perplexity, result.reference_perplexity}});
  return 0;
}

}  // namespace fptq::app
