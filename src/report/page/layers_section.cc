#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "report/module_place.h"
#include "report/page/charts.h"
#include "report/page/html.h"
#include "report/page/sections.h"
#include "report/svg_parts.h"
#include "report/text.h"
#include "report/verdict.h"

namespace fptq::report {
namespace {

constexpr size_t kMostMaps = 12, kMostCurves = 24;
constexpr double kLeastRange = 6;  // dB: less of a difference is no pattern
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// Kinds of matrices in the order in which they come first, and their values by layer.
struct Grid {
  std::vector<std::string> kinds;
  std::vector<std::vector<double>> values;
  double least = INFINITY, most = -INFINITY;

  void add(const std::string& module, double value) {
    const ModulePlace place = module_place(module);
    if (!is_drawn(place.layer) || !std::isfinite(value)) return;
    size_t row = static_cast<size_t>(std::ranges::find(kinds, place.name) - kinds.begin());
    if (row == kinds.size()) {
      kinds.push_back(place.name);
      values.emplace_back();
    }
    std::vector<double>& of_kind = values[row];
    const auto layer = static_cast<size_t>(place.layer);
    if (of_kind.size() <= layer) of_kind.resize(layer + 1, kNothing);
    of_kind[layer] = value;
    least = std::min(least, value);
    most = std::max(most, value);
  }
};

bool is_quantized(const LinearReport& l) {
  return l.bits > 0 && l.weights >= 0;
}

// Mean noise of each layer's matrices, in dB.
std::vector<double> sqnr_by_layer(const QuantizeReport& q) {
  std::vector<double> noise, count;
  for (const LinearReport& l : q.linears) {
    const ModulePlace place = module_place(l.module);
    if (!is_quantized(l) || !is_drawn(place.layer)) continue;
    const auto layer = static_cast<size_t>(place.layer);
    if (noise.size() <= layer) {
      noise.resize(layer + 1);
      count.resize(layer + 1);
    }
    noise[layer] += l.relative_error;
    count[layer] += 1;
  }
  std::vector<double> db;
  for (size_t i = 0; i < noise.size(); ++i)
    db.push_back(noise[i] > 0 ? -10 * std::log10(noise[i] / count[i]) : kNothing);
  return db;
}

std::vector<double> output_sqnr(const QuantizeReport& q) {
  std::vector<double> db;
  for (const BlockReport& b : q.blocks) {
    if (!is_drawn(b.layer)) continue;
    const auto layer = static_cast<size_t>(b.layer);
    if (db.size() <= layer) db.resize(layer + 1, kNothing);
    db[layer] = b.output_sqnr_db;
  }
  return db;
}

std::string curves(const RunReport& report, const char* id, const char* caption, const char* note,
                   std::vector<double> (*values)(const QuantizeReport&)) {
  LayerChart chart{.text = {id, caption, ""}, .y_label = "SQNR, dB", .series = {}};
  size_t layers = 0;
  for (const Run& run : report.runs) {
    const bool room = chart.series.size() < kMostCurves || is_focus(report, run);
    if (!run.quantization || !room) continue;
    std::vector<double> of_run = values(*run.quantization);
    layers = std::max(layers, of_run.size());
    if (!of_run.empty()) chart.series.push_back({run.name, std::move(of_run), is_focus(report, run)});
  }
  if (chart.series.empty()) return "";
  std::vector<HtmlTable::Column> columns = {{"layer", true}};
  for (const auto& s : chart.series) columns.push_back({s.name, true});
  HtmlTable table(std::string(caption) + ", dB", columns);
  for (size_t l = 0; l < layers; ++l) {
    std::vector<HtmlTable::Cell> cells = {number_cell(static_cast<double>(l), fmt::format("{}", l))};
    for (const auto& s : chart.series) {
      const double v = l < s.values.size() ? s.values[l] : kNothing;
      cells.push_back(number_cell(std::isfinite(v) ? std::optional(v) : std::nullopt, fixed(v, 1)));
    }
    table.add(std::move(cells));
  }
  chart.text.description =
      fmt::format("Signal to quantization noise of {} runs over {} layers.", chart.series.size(), layers);
  const std::string wide = draw(chart, kWide);
  chart.text.id += "-n";
  return figure_html(caption, note, wide, draw(chart, kNarrow), table.html());
}

std::string heat_maps(const RunReport& report) {
  std::vector<std::string> charts;
  int left_out = 0;
  std::vector<const Run*> order;
  for (const Run& run : report.runs) {
    if (is_focus(report, run))
      order.insert(order.begin(), &run);
    else
      order.push_back(&run);
  }
  for (const Run* run : order) {
    if (!run->quantization) continue;
    Grid grid;
    for (const LinearReport& l : run->quantization->linears) {
      if (is_quantized(l)) grid.add(l.module, l.sqnr_db);
    }
    if (grid.kinds.empty()) continue;
    if (charts.size() == kMostMaps) {
      ++left_out;
      continue;
    }
    HeatChart chart{.text = {fmt::format("heat-{}", charts.size()), "SQNR of the weights of " + run->name,
                             fmt::format("From {} dB to {} dB; the table of the run has each value.",
                                         fixed(grid.least, 1), fixed(grid.most, 1))},
                    .rows = grid.kinds,
                    .values = grid.values,
                    .weakest = grid.most,
                    .strongest = std::min(grid.least, grid.most - kLeastRange),
                    .weakest_text = fixed(grid.most, 1) + " dB",
                    .strongest_text = fixed(std::min(grid.least, grid.most - kLeastRange), 1) + " dB"};
    charts.push_back(fmt::format("<h4{}>{}</h4>{}", is_focus(report, *run) ? " class=\"focus\"" : "",
                                 escaped(run->name), draw(chart, kPanel)));
  }
  if (charts.empty()) return "";
  std::string note = "SQNR of the weights by layer and matrix; stronger is worse, each run on its own scale.";
  if (left_out > 0) note += fmt::format(" {} more runs are in the JSON and CSV forms.", left_out);
  return panels_html("Which matrices are rounded most coarsely", note, charts, "");
}

std::string sensitivity_figures(const RunReport& report) {
  std::string out;
  for (size_t i = 0; i < report.sensitivities.size(); ++i) {
    const SensitivityResult& s = report.sensitivities[i];
    Grid grid;
    for (const LayerSensitivity& l : s.layers) grid.add(l.module, l.kl);
    if (grid.kinds.empty()) continue;
    double sum = 0;
    for (const LayerSensitivity& l : s.layers) sum += l.kl;
    HeatChart heat{.text = {fmt::format("sens-{}", i), "Sensitivity by layer and matrix",
                            "KL divergence when that matrix alone is quantized."},
                   .rows = grid.kinds,
                   .values = grid.values,
                   .weakest = 0,
                   .strongest = grid.most,
                   .weakest_text = "KL 0",
                   .strongest_text = fmt::format("{:.2g}", grid.most)};
    std::vector<LayerSensitivity> sorted = s.layers;
    std::ranges::stable_sort(sorted, std::greater<>(), &LayerSensitivity::kl);
    RowChart top{.text = {fmt::format("sens-top-{}", i), "The most sensitive layers", "The ten largest."},
                 .rows = {}};
    HtmlTable table("Sensitivity of all layers",
                    {{"layer"}, {"KL", true}, {"share", true}, {"bits per weight", true}});
    for (size_t k = 0; k < sorted.size(); ++k) {
      const LayerSensitivity& l = sorted[k];
      const ModulePlace place = module_place(l.module);
      const double share = sum > 0 ? l.kl / sum : 0;
      if (k < 10) {
        top.rows.push_back({place.layer >= 0 ? fmt::format("{} {}", place.layer, place.name) : l.module,
                            std::max(l.kl, 0.0), fmt::format("{:.2g}", l.kl), false});
      }
      table.add({{l.module},
                 number_cell(l.kl, fixed(l.kl, 6)),
                 number_cell(share, percent(share)),
                 number_cell(l.bits_per_weight, fixed(l.bits_per_weight, 2))});
    }
    const std::string wide_heat = draw(heat, 680), wide_top = draw(top, kPanel);
    heat.text.id += "-n";
    top.text.id += "-n";
    out += figure_html(
        "What each layer costs alone",
        fmt::format(
            "KL divergence of the model when only that matrix is quantized ({}, {}; {} tokens of {}).",
            s.method, s.scheme, grouped(s.tokens), s.text),
        "<div class=\"pair\">" + wide_heat + wide_top + "</div>", draw(heat, kNarrow) + draw(top, kNarrow),
        table.html());
  }
  return out;
}

}  // namespace

std::string layers_section(const RunReport& report) {
  const std::string body =
      sensitivity_figures(report) +
      curves(report, "sqnr", "SQNR by layer",
             "Signal to quantization noise of the weights, mean over a layer's matrices; higher is better.",
             sqnr_by_layer) +
      curves(report, "blocks", "SQNR of the blocks' outputs",
             "What leaves each block against what leaves it in the original, on held-out tokens that count "
             "alike; noise adds up from block to block.",
             output_sqnr) +
      heat_maps(report);
  if (body.empty()) return "";
  return "<section id=\"layers\" aria-labelledby=\"layers-h\"><h2 id=\"layers-h\">Where it is lost</h2>\n" +
         body + "</section>\n";
}

}  // namespace fptq::report
