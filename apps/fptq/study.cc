#include "fptq/study.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common_options.h"
#include "console.h"
#include "fptq/report.h"
#include "quantize_options.h"
#include "trial_options.h"

namespace fptq::app {
namespace {

struct StudyArguments {
  std::string name, model, svg;
  StudyOptions study;
  TrialFlags trials;
  QuantizeFlags quantizing;
  TableForm form;
  VerbosityFlags verbosity;
};

void declare(CommandLine& line, StudyArguments& a) {
  TrialOptions& o = a.trials.options;
  line.positional("STUDY", a.name, fmt::format("one of {}", fmt::join(study_names(), ", ")));
  line.positional("MODEL", a.model, "Hugging Face directory or GGUF file");
  line.text("--svg", "FILE", a.svg, "draw the picture into FILE");
  line.text("--text", "FILE", o.text, "evaluation text; without it, the one in the program");
  line.integer("-c,--ctx", o.ctx, 2, 1 << 30, "tokens of a window; without it, 1024 or the model's maximum");
  line.integer("--max-tokens", o.max_tokens, 2, kMaxTokens, "use only the first N tokens");
  add_work_folder(line, a.trials);
  add_json(line, a.form.json);
  add_table_forms(line, a.form);
  add_threads(line, o.threads);
  add_verbosity(line, a.verbosity);
  line.group("Options of the calibration study");
  line.texts("--source", "FILE|random", a.study.sources, "calibration data; may be given several times");
  line.integers("--windows", a.study.windows, 1, 65536, "numbers of calibration windows");
  line.integer("--seeds", a.study.seeds, 1, 1000, "runs of each, which differ in their seed");
  line.group("");  // `fptq quantize --help` lists them
  line.choice("--method", a.quantizing.options.method, method_names(), "how to quantize");
  add_quantize_options(line, a.quantizing);
}

}  // namespace

int run_study(const Arguments& args) {
  StudyArguments a;
  a.quantizing.options = a.study.quantize;
  a.trials.keep = "none";  // many models, of which only the figures matter
  CommandLine line(
      "study", "fptq study thresholds ./SmolLM2-135M --svg thresholds.svg",
      "Quantizes a model in many ways and shows how far each is from the original, as a table and, with\n"
      "--svg, a picture: thresholds sweeps the two activation thresholds, ablation switches the parts of\n"
      "the method on one after the other, calibration varies source, size and seed of the data. What is\n"
      "finished is not done again: after an interruption, the same command goes on.\n\n"
      "Options of 'fptq quantize' hold for what is not varied.");
  declare(line, a);
  if (!line.parse(args)) return 0;
  check_verbosity(line);
  check_table_forms(line);
  check_quantize_options(line, a.quantizing);
  finish_trial_options(a.model, "study", a.trials);
  a.study.quantize = a.quantizing.options;
  a.study.trials = a.trials.options;
  if (!a.verbosity.quiet) log(fmt::format("fptq: results are kept in {}", a.study.trials.work));

  ProgressLine progress(a.verbosity.verbosity(), "the same command goes on where this one stopped");
  const StudyResult result = fptq::run_study(a.name, a.model, a.study, progress);
  if (!a.svg.empty()) write_file(a.svg, to_svg(result));
  print(a.form.json       ? to_json(result)
        : a.form.markdown ? to_markdown(result)
        : a.form.csv      ? to_csv(result)
                          : to_text(result));
  return exit_code(result.trials.trials);
}

}  // namespace fptq::app
