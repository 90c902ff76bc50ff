#include <fmt/format.h>

#include "common_options.h"
#include "console.h"
#include "fptq/run_report.h"

namespace fptq::app {
namespace {

struct Form {
  const char* ending;
  std::string (*text)(const RunReport& report);
};
constexpr Form kForms[] = {{".html", to_html}, {".json", to_json}, {".csv", to_csv}, {".md", to_markdown}};

const Form& form_of(const CommandLine& line, const std::string& path) {
  for (const Form& form : kForms) {
    if (path.ends_with(form.ending)) return form;
  }
  line.fail(fmt::format("expected a file that ends in .html, .json, .csv or .md, found '{}'", path), "--out");
}

}  // namespace

int run_report(const Arguments& args) {
  std::vector<std::string> runs, outputs;
  std::string title;
  VerbosityFlags verbosity;
  CommandLine line(
      "report", "fptq report ./out ./out8 bench.json -o report.html",
      "Puts any number of runs side by side on one page: what was lost, where, and what to change first.\n"
      "A RUN is a model that 'fptq quantize' wrote, or what quantize, eval, compare, bench or sensitivity\n"
      "print with --json. What is about one model becomes one run.");
  line.positionals("RUN", runs, "quantized model, or a file of results");
  line.texts("-o,--out", "FILE", outputs, "report.html, .json, .csv or .md; may be given several times");
  line.text("--title", "TEXT", title, "what was quantized; without it, the original's name");
  add_verbosity(line, verbosity);
  if (!line.parse(args)) return 0;
  check_verbosity(line);
  if (outputs.empty()) outputs = {"report.html"};
  for (const std::string& path : outputs) form_of(line, path);
  RunReport report = collect_runs(runs);
  if (!title.empty()) report.title = title;
  for (const std::string& path : outputs) write_file(path, form_of(line, path).text(report));
  if (verbosity.quiet) return 0;
  print(report.verdict.headline + "\n");
  for (const std::string& sentence : report.verdict.sentences) print(sentence + "\n");
  for (const Advice& a : report.verdict.advice) print(fmt::format("- {} {}\n", a.what, a.why));
  for (const std::string& w : report.warnings) log("fptq: beware: " + w);
  for (const std::string& path : outputs) log("fptq: wrote " + path);
  return 0;
}

}  // namespace fptq::app
