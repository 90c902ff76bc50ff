#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/page/charts.h"
#include "report/page/html.h"
#include "report/page/sections.h"
#include "report/svg_parts.h"
#include "report/text.h"

namespace fptq::report {
namespace {

constexpr size_t kProfiles = 6;

bool has_profiles(const Run& run) {
  return run.quantization && std::ranges::any_of(run.quantization->inputs, [](const InputDecision& d) {
           return d.profile.tokens > 0 && !d.profile.before.bins.empty();
         });
}

// The run that the verdict is about, or else the first that knows its inputs.
const Run* shown_run(const RunReport& report) {
  const Run* shown = nullptr;
  for (const Run& run : report.runs) {
    if (!has_profiles(run)) continue;
    if (is_focus(report, run)) return &run;
    if (shown == nullptr) shown = &run;
  }
  return shown;
}

std::vector<std::string> span_charts(const Run& run) {
  std::vector<std::string> names;
  std::map<std::string, SpanChart> charts;
  for (const InputDecision& d : run.quantization->inputs) {
    if (d.profile.tokens == 0 || !is_drawn(d.layer)) continue;
    if (!charts.contains(d.input)) names.push_back(d.input);
    SpanChart& chart = charts[d.input];
    const auto layer = static_cast<size_t>(d.layer);
    if (chart.before.size() <= layer) {
      chart.before.resize(layer + 1);
      chart.after.resize(layer + 1);
    }
    chart.before[layer] = {d.profile.before.median, d.profile.before.largest};
    chart.after[layer] = {d.profile.after.median, d.profile.after.largest};
  }
  std::vector<std::string> out;
  for (const std::string& name : names) {
    SpanChart& chart = charts[name];
    chart.heading = name;
    chart.text = {fmt::format("span-{}", out.size()), "Channel maxima of the " + name,
                  "From the median channel's to the largest, by layer, before and after equalization."};
    out.push_back(draw(chart, kPanel));
  }
  return out;
}

std::vector<std::string> profile_charts(const Run& run) {
  std::vector<const InputDecision*> inputs;
  for (const InputDecision& d : run.quantization->inputs) {
    if (d.profile.before.median > 0 && !d.profile.before.bins.empty()) inputs.push_back(&d);
  }
  std::ranges::stable_sort(inputs, std::greater<>(), [](const InputDecision* d) {
    return d->profile.before.largest / d->profile.before.median;
  });
  inputs.resize(std::min(inputs.size(), kProfiles));
  std::vector<std::string> out;
  for (const InputDecision* d : inputs) {
    const InputProfile& p = d->profile;
    const std::string name = fmt::format("layer {}, {}", d->layer, d->input);
    out.push_back(
        draw(ProfileChart{.text = {fmt::format("profile-{}", out.size()), "Channel maxima of " + name,
                                   fmt::format("{} channels; the largest is {:.4g} before and {:.4g} "
                                               "after equalization, the median {:.3g} and {:.3g}.",
                                               p.channels, p.before.largest, p.after.largest, p.before.median,
                                               p.after.median)},
                          .heading = name,
                          .before = p.before.bins,
                          .after = p.after.bins},
             kPanel));
  }
  return out;
}

std::string decisions_table(const Run& run) {
  struct Counts {
    double inputs = 0, equalized = 0, fixed = 0, token = 0, left = 0, outliers = 0, massive = 0, kurtosis = 0;
  };
  std::vector<std::string> names;
  std::map<std::string, Counts> counts;
  for (const InputDecision& d : run.quantization->inputs) {
    if (!counts.contains(d.input)) names.push_back(d.input);
    Counts& c = counts[d.input];
    ++c.inputs;
    c.equalized += d.equalized ? 1 : 0;
    ++(d.activation == "static" ? c.fixed : d.activation == "token" ? c.token : c.left);
    c.outliers += d.profile.outlier_channels > 0 ? 1 : 0;
    c.massive += d.profile.massive_tokens > 0 ? 1 : 0;
    c.kurtosis = std::max(c.kurtosis, d.profile.kurtosis);
  }
  HtmlTable table("Decisions for the inputs of linear layers", {{"input"},
                                                                {"layers", true},
                                                                {"static", true},
                                                                {"per token", true},
                                                                {"not quantized", true},
                                                                {"equalized", true},
                                                                {"with outlier channels", true},
                                                                {"with massive tokens", true},
                                                                {"largest kurtosis", true}});
  const auto count = [](double n) { return number_cell(n, fixed(n, 0)); };
  for (const std::string& name : names) {
    const Counts& c = counts[name];
    table.add({{name},
               count(c.inputs),
               count(c.fixed),
               count(c.token),
               count(c.left),
               count(c.equalized),
               count(c.outliers),
               count(c.massive),
               number_cell(c.kurtosis, fixed(c.kurtosis, 0))});
  }
  return table.html();
}

}  // namespace

std::string inputs_section(const RunReport& report) {
  const Run* run = shown_run(report);
  if (run == nullptr) return "";
  const std::string key =
      "<p class=\"key\"><span class=\"swatch before\"></span> before <span class=\"swatch after\"></span> "
      "after "
      "equalization</p>";
  return fmt::format(
             "<section id=\"inputs\" aria-labelledby=\"inputs-h\"><h2 id=\"inputs-h\">What the layers "
             "read</h2>"
             "<p>Inputs of the linear layers of {} on {} calibration tokens.</p>\n",
             escaped(run->name), grouped(run->quantization->calibration_tokens)) +
         decisions_table(*run) + key +
         panels_html(
             "Channel maxima before and after equalization",
             "Bars reach from the median channel's maximum to the largest. Short bars are easy to quantize.",
             span_charts(*run), "") +
         panels_html("The inputs with the strongest outliers",
                     "The largest maximum of neighbouring channels: grey before, coloured after.",
                     profile_charts(*run), "") +
         "</section>\n";
}

}  // namespace fptq::report
