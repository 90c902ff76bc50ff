#include "fptq/quantize.h"

#include <fmt/format.h>

#include "common_options.h"
#include "console.h"
#include "fptq/report.h"
#include "gates.h"
#include "quantize_options.h"

namespace fptq::app {
namespace {

struct QuantizeArguments {
  std::string model, output;
  QuantizeFlags flags;
  bool no_eval = false;
  Gates gates;
  bool dry_run = false, explain = false, json = false;
  VerbosityFlags verbosity;
};

void declare(CommandLine& line, QuantizeArguments& a) {
  QuantizeOptions& o = a.flags.options;
  line.positional("MODEL", a.model, "Hugging Face directory or GGUF file");
  line.positional("OUT", a.output, "directory to write");
  line.choice("--method", o.method, method_names(), "how to find the numbers");
  add_quantize_options(line, a.flags);
  line.text("--eval-text", "FILE", o.eval_text, "held-out text to measure the result on");
  line.flag("--no-eval", a.no_eval, "do not measure the result");
  add_gates(line, a.gates);
  line.flag("--dry-run", a.dry_run, "print the plan and stop");
  line.flag("--explain", a.explain, "print v, decision and reason for every input");
  line.flag("--force", o.overwrite, "replace OUT if it exists");
  add_json(line, a.json);
  add_threads(line, o.threads);
  add_verbosity(line, a.verbosity);
}

void check(const CommandLine& line, QuantizeArguments& a) {
  check_verbosity(line);
  check_quantize_options(line, a.flags);
  line.exclude("--eval-text", "--no-eval", "the text would not be read");
  check_gates(line, a.gates);
  for (const char* gate : {"--max-kl", "--max-ppl-increase"}) {
    line.exclude(gate, "--no-eval", "there would be nothing to hold it to");
    line.exclude(gate, "--dry-run", "a dry run measures nothing");
  }
  line.exclude("--dry-run", "--explain", "decisions need the calibration run");
  line.exclude("--dry-run", "--force", "a dry run writes nothing");
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
                   "Makes a model of few bits: a Hugging Face directory in the compressed-tensors format.");
  declare(line, a);
  if (!line.parse(args)) return 0;
  check(line, a);
  QuantizeOptions& options = a.flags.options;
  options.evaluate = !a.no_eval;
  options.command = command_text(args);

  if (a.dry_run || !a.verbosity.quiet) {
    const QuantizePlan plan = plan_quantize(a.model, options);
    if (a.dry_run) {
      print(a.json ? to_json(plan) : to_text(plan));
      return 0;
    }
    log_block(to_text(plan) + "\n");
  }
  ProgressLine progress(a.verbosity.verbosity(), "the same command goes on from the last finished layer");
  const QuantizeReport report = quantize(a.model, a.output, options, progress);
  if (a.json) {
    print(to_json(report));
  } else {
    if (a.explain) print(explain(report) + "\n");
    print(to_text(report) + next_steps(a));
  }
  if (const std::optional<EvalResult>& e = report.evaluation; e && e->kl)
    hold_to_gates(a.gates, {{a.output, e->kl->mean, e->perplexity, e->reference_perplexity}});
  return 0;
}

}  // namespace fptq::app
