#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/page/charts.h"
#include "report/page/html.h"
#include "report/page/sections.h"
#include "report/svg_parts.h"
#include "report/task_scores.h"
#include "report/text.h"
#include "report/verdict.h"

namespace fptq::report {
namespace {

using Cell = HtmlTable::Cell;

const Divergence* kl_of(const Run& run) {
  return run.evaluation && run.evaluation->kl ? &*run.evaluation->kl : nullptr;
}

// The original, then the runs by their loss; what was not measured last.
std::vector<const Run*> ordered(const RunReport& report) {
  std::vector<const Run*> runs;
  for (const Run& run : report.runs) runs.push_back(&run);
  std::ranges::stable_sort(runs, [](const Run* a, const Run* b) {
    const Divergence *x = kl_of(*a), *y = kl_of(*b);
    return x != nullptr && (y == nullptr || x->mean < y->mean);
  });
  return runs;
}

const char* grade_class(Grade grade) {
  switch (grade) {
    case Grade::kSame:
    case Grade::kClose:
      return "good";
    case Grade::kNear:
      return "fair";
    case Grade::kFar:
    case Grade::kBroken:
      return "bad";
    case Grade::kUnknown:
      break;
  }
  return "";
}

const char* grade_cell(Grade grade) {
  return grade == Grade::kUnknown ? "–" : grade_name(grade);
}

Cell positive(double value, int digits) {
  return number_cell(value > 0 ? std::optional(value) : std::nullopt, fixed(value, digits));
}

// Digits as far as they say something: "14.6", "2,538".
std::string rate(double value) {
  return value < 100 ? fixed(value, 1) : grouped(std::llround(std::min(value, 1e15)));
}

Cell rate_cell(double value) {
  return number_cell(value > 0 ? std::optional(value) : std::nullopt, value > 0 ? rate(value) : "");
}

Cell bytes_cell(uint64_t count) {
  return number_cell(count > 0 ? std::optional(static_cast<double>(count)) : std::nullopt, bytes(count));
}

void add_row(HtmlTable& table, const RunReport& report, const Run& run, bool is_original) {
  const Divergence* kl = kl_of(run);
  const auto of_kl = [&](double Divergence::*member, int digits) {
    return kl == nullptr ? number_cell({}, "") : number_cell(kl->*member, fixed(kl->*member, digits));
  };
  std::optional<double> change;
  if (kl != nullptr && run.evaluation->reference_perplexity > 0)
    change = run.evaluation->perplexity / run.evaluation->reference_perplexity - 1;
  table.add({{run.name, {}, "name"},
             {is_original ? "reference" : grade_cell(grade(run)), {}, grade_class(grade(run))},
             of_kl(&Divergence::mean, 4),
             positive(run.bits_per_weight, 2),
             bytes_cell(run.file_bytes),
             kl == nullptr ? number_cell({}, "") : number_cell(kl->top1, percent(kl->top1)),
             positive(run.evaluation ? run.evaluation->perplexity : 0, 2),
             number_cell(change, signed_percent(change.value_or(0))),
             of_kl(&Divergence::median, 4),
             of_kl(&Divergence::p99, 3),
             {run.failure.empty() ? run.scheme : "failed: " + run.failure}},
            is_original             ? "reference"
            : is_focus(report, run) ? "focus"
                                    : "");
}

std::string runs_table(const RunReport& report) {
  HtmlTable table("All runs, by their loss", {{"run"},
                                              {"against the original"},
                                              {"KL mean", true},
                                              {"bits per weight", true},
                                              {"files", true},
                                              {"top-1", true},
                                              {"perplexity", true},
                                              {"change", true},
                                              {"KL median", true},
                                              {"KL p99", true},
                                              {"scheme"}});
  add_row(table, report, report.original, true);
  for (const Run* run : ordered(report)) add_row(table, report, *run, false);
  return table.html();
}

std::string speed_table(const RunReport& report) {
  HtmlTable table("Speed and memory", {{"run"},
                                       {"decode, tokens/s", true},
                                       {"ms per token", true},
                                       {"prefill, tokens/s", true},
                                       {"first token, s", true},
                                       {"load, s", true},
                                       {"files", true},
                                       {"peak memory", true},
                                       {"energy, J/token", true}});
  const auto add = [&](const Run& run, bool is_original) {
    if (!run.speed) return;
    const RunSpeed& s = *run.speed;
    table.add({{run.name, {}, "name"},
               rate_cell(s.decode_tokens_per_second),
               number_cell(s.ms_per_token > 0 ? std::optional(s.ms_per_token) : std::nullopt,
                           fmt::format("{:.3g}", s.ms_per_token)),
               rate_cell(s.prefill_tokens_per_second),
               positive(s.first_token_seconds, 3),
               positive(s.load_seconds, 2),
               bytes_cell(run.file_bytes),
               bytes_cell(s.peak_rss_bytes),
               s.decode_joules_per_token
                   ? number_cell(*s.decode_joules_per_token, fixed(*s.decode_joules_per_token, 3))
                   : Cell{"not readable"}},
              is_original             ? "reference"
              : is_focus(report, run) ? "focus"
                                      : "");
  };
  add(report.original, true);
  for (const Run* run : ordered(report)) add(*run, false);
  return table.html();
}

// A column for each task and group, or empty.
std::string task_table(const RunReport& report) {
  const std::vector<TaskColumn> tasks = shown_columns(report);
  if (tasks.empty()) return "";
  std::vector<HtmlTable::Column> columns = {{"run"}};
  for (const TaskColumn& column : tasks) columns.push_back({column.title(), true});
  HtmlTable table("Benchmarks, each with one standard error", columns);
  const auto add = [&](const Run& run, const char* style) {
    if (run.tasks.empty()) return;
    std::vector<Cell> cells = {{run.name, {}, "name"}};
    for (const TaskColumn& column : tasks) {
      const MetricValue* metric = value_in(column, run.tasks);
      cells.push_back(metric == nullptr ? number_cell({}, "")
                                        : number_cell(metric->value, shown_with_error(*metric)));
    }
    table.add(std::move(cells), style);
  };
  add(report.original, "reference");
  for (const Run* run : ordered(report)) add(*run, is_focus(report, *run) ? "focus" : "");
  return table.html();
}

std::string size_figure(const RunReport& report) {
  ScatterChart chart{.text = {"size", "Size against loss", ""},
                     .x_label = "bits per weight of the linear layers",
                     .y_label = "mean KL divergence from the original, nats",
                     .points = {},
                     .front = {}};
  std::vector<const Run*> drawn;
  HtmlTable table("Size and loss", {{"run"}, {"bits per weight", true}, {"files", true}, {"KL mean", true}});
  for (const Run& run : report.runs) {
    const Divergence* kl = kl_of(run);
    if (kl == nullptr || !(kl->mean > 0) || run.bits_per_weight <= 0) continue;
    drawn.push_back(&run);
    chart.points.push_back({run.name, run.bits_per_weight, kl->mean, is_focus(report, run)});
    table.add({{run.name},
               positive(run.bits_per_weight, 2),
               positive(static_cast<double>(run.file_bytes) / 1e6, 1),
               positive(kl->mean, 4)});
  }
  if (chart.points.empty()) return "";
  for (const Run* run : undominated(report)) {
    const auto at = std::ranges::find(drawn, run);
    if (at != drawn.end()) chart.front.push_back(static_cast<size_t>(at - drawn.begin()));
  }
  std::ranges::sort(chart.front, {}, [&](size_t i) { return chart.points[i].x; });
  chart.text.description =
      fmt::format("{} runs by bits per weight and mean KL divergence; {} of them are beaten by no other run.",
                  chart.points.size(), chart.front.size());
  const std::string wide = draw(chart, kWide);
  chart.text.id += "-n";
  return figure_html("Size against loss",
                     "Lower and further left is better. The line joins runs that no other beats.", wide,
                     draw(chart, kNarrow), table.html());
}

std::string spread_figure(const RunReport& report) {
  RidgeChart chart{.text = {"spread", "How the loss is spread over the text", ""},
                   .x_label = "KL divergence at a position, nats",
                   .lowest = KlHistogram::kLowest,
                   .per_decade = KlHistogram::kPerDecade,
                   .rows = {}};
  HtmlTable table("KL divergence over the positions",
                  {{"run"}, {"median", true}, {"mean", true}, {"p95", true}, {"p99", true}, {"max", true}});
  for (const Run* run : ordered(report)) {
    const Divergence* kl = kl_of(*run);
    if (kl == nullptr || kl->histogram.counts.empty()) continue;
    chart.rows.push_back({run->name, kl->histogram.counts, kl->mean, is_focus(report, *run)});
    table.add({{run->name},
               positive(kl->median, 4),
               positive(kl->mean, 4),
               positive(kl->p95, 3),
               positive(kl->p99, 3),
               positive(kl->max, 2)});
  }
  if (chart.rows.empty()) return "";
  chart.text.description = fmt::format(
      "A histogram of the KL divergence over all positions for each of {} runs.", chart.rows.size());
  const std::string wide = draw(chart, kWide);
  chart.text.id += "-n";
  return figure_html(
      "How the loss is spread over the text",
      "Share of positions by their KL divergence; the stroke is the mean. A long right end is a "
      "model that is often fine and sometimes lost.",
      wide, draw(chart, kNarrow), table.html());
}

std::string speed_figure(const RunReport& report, const char* id, const char* caption,
                         double RunSpeed::*member) {
  RowChart chart{.text = {id, caption, ""}, .rows = {}};
  const auto add = [&](const Run& run) {
    if (!run.speed || !(run.speed.value().*member > 0)) return;
    const double v = run.speed.value().*member;
    chart.rows.push_back({run.name, v, rate(v), is_focus(report, run)});
  };
  add(report.original);
  for (const Run* run : ordered(report)) add(*run);
  if (chart.rows.empty()) return "";
  const auto fastest = std::ranges::max_element(chart.rows, {}, &RowChart::Row::value);
  chart.text.description = fmt::format("{} models, {} is the fastest with {} tokens per second.",
                                       chart.rows.size(), fastest->name, fastest->shown);
  const std::string wide = draw(chart, kWide / 2 - 20);
  chart.text.id += "-n";
  return fmt::format("<div><h4>{}</h4><div class=\"wide\">{}</div><div class=\"narrow\">{}</div></div>",
                     escaped(caption), wide, draw(chart, kNarrow));
}

std::string speed_figures(const RunReport& report) {
  const std::string charts =
      speed_figure(report, "decode", "Decoding, tokens/s", &RunSpeed::decode_tokens_per_second) +
      speed_figure(report, "prefill", "Reading a prompt, tokens/s", &RunSpeed::prefill_tokens_per_second);
  if (charts.empty()) return "";
  std::string conditions = report.original.speed ? report.original.speed->conditions : "";
  for (const Run& run : report.runs) {
    if (conditions.empty() && run.speed) conditions = run.speed->conditions;
  }
  return fmt::format(
      "<figure><figcaption><h3>Speed</h3><p>Measured with {}.</p></figcaption><div class=\"pair\">{}</div>"
      "{}</figure>\n",
      escaped(conditions), charts,
      folded_html("The same as a table, with memory, load time and energy", speed_table(report)));
}

}  // namespace

bool is_focus(const RunReport& report, const Run& run) {
  return !report.verdict.focus.empty() && run.name == report.verdict.focus;
}

std::string verdict_section(const RunReport& report) {
  const Verdict& v = report.verdict;
  std::string out = fmt::format(
      "<section id=\"verdict\" class=\"verdict\" aria-labelledby=\"verdict-h\"><h2 "
      "id=\"verdict-h\">Verdict</h2>"
      "<p class=\"headline\">{}</p>",
      escaped(v.headline));
  for (const std::string& s : v.sentences) out += fmt::format("<p>{}</p>", escaped(s));
  if (!v.advice.empty()) {
    out += "<h3>What to change first</h3><ol class=\"advice\">";
    for (const Advice& a : v.advice) {
      out += fmt::format("<li><p><strong>{}</strong> <span class=\"cost\">{}</span></p><p>{}</p>",
                         escaped(a.what),
                         a.bits > 0 ? fmt::format("+{} bits per weight", fixed(a.bits, a.bits < 0.1 ? 3 : 2))
                                    : "no more bits",
                         escaped(a.why));
      if (!a.recipe.empty())
        out += fmt::format(
            "<p>As a file for <code>fptq quantize --recipe</code>:</p><pre tabindex=\"0\">{}</pre>",
            escaped_lines(a.recipe));
      if (!a.options.empty())
        out += fmt::format("<p>With <code>fptq quantize {}</code></p>", escaped(a.options));
      out += "</li>";
    }
    out += "</ol>";
  }
  for (const std::string& w : report.warnings)
    out += fmt::format("<p class=\"warning\"><strong>Beware:</strong> {}</p>", escaped(w));
  return out + "</section>\n";
}

std::string runs_section(const RunReport& report) {
  return "<section id=\"runs\" aria-labelledby=\"runs-h\"><h2 id=\"runs-h\">The runs</h2>\n" +
         runs_table(report) + task_table(report) + size_figure(report) + spread_figure(report) +
         speed_figures(report) + "</section>\n";
}

}  // namespace fptq::report
