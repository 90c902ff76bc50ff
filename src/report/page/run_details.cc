#include <fmt/format.h>

#include <map>

#include "report/page/html.h"
#include "report/page/sections.h"
#include "report/svg_parts.h"
#include "report/text.h"
#include "report/verdict.h"

namespace fptq::report {
namespace {

std::string general(double v, int digits) {
  return fmt::format("{:.{}g}", v, digits);
}

std::string tensors(const RunReport& report, const Run& run) {
  const QuantizeReport& q = *run.quantization;
  std::map<std::string, double> alone;
  if (const SensitivityResult* s = sensitivity_for(report, run)) {
    for (const LayerSensitivity& l : s->layers) alone[l.module] = l.kl;
  }
  std::vector<HtmlTable::Column> columns = {{"layer"},
                                            {"form"},
                                            {"bits", true},
                                            {"group", true},
                                            {"SQNR, dB", true},
                                            {"relative error", true},
                                            {"clipped", true},
                                            {"smallest scale", true},
                                            {"largest scale", true}};
  if (!alone.empty()) columns.push_back({"KL alone", true});
  HtmlTable table("Tensors of " + run.name, columns);
  for (const LinearReport& l : q.linears) {
    if (l.bits == 0) {
      table.add({{l.module}, {"not quantized"}});
      continue;
    }
    std::vector<HtmlTable::Cell> cells = {
        {l.module},
        {l.form},
        number_cell(l.bits, fmt::format("{}", l.bits)),
        l.group_size > 0 ? number_cell(static_cast<double>(l.group_size), fmt::format("{}", l.group_size))
                         : HtmlTable::Cell{"row", 1e9},
        number_cell(l.sqnr_db, fixed(l.sqnr_db, 1)),
        number_cell(l.relative_error, general(l.relative_error, 3)),
        number_cell(l.clipped_share, percent(l.clipped_share, 2)),
        number_cell(l.smallest_scale, general(l.smallest_scale, 3)),
        number_cell(l.largest_scale, general(l.largest_scale, 3))};
    if (!alone.empty()) {
      const auto found = alone.find(l.module);
      cells.push_back(found == alone.end() ? number_cell({}, "")
                                           : number_cell(found->second, general(found->second, 3)));
    }
    table.add(std::move(cells));
  }
  return table.empty() ? "" : folded_html(times(std::ssize(q.linears), "tensor"), table.html());
}

std::string inputs(const Run& run) {
  HtmlTable table("Inputs of " + run.name, {{"layer", true},
                                            {"input"},
                                            {"decision"},
                                            {"why"},
                                            {"largest |x|", true},
                                            {"after", true},
                                            {"kurtosis", true},
                                            {"outlier channels", true},
                                            {"the largest of them"},
                                            {"massive tokens", true}});
  for (const InputDecision& d : run.quantization->inputs) {
    const InputProfile& p = d.profile;
    const bool seen = p.tokens > 0;
    std::string outliers;
    for (size_t i = 0; i < p.outliers.size() && i < 3; ++i)
      outliers += (i == 0 ? "" : ", ") + fmt::format("{}: {:.3g} → {:.3g}", p.outliers[i].channel,
                                                     p.outliers[i].before, p.outliers[i].after);
    const auto count = [&](int64_t n) {
      return number_cell(seen ? std::optional(static_cast<double>(n)) : std::nullopt, grouped(n));
    };
    table.add({number_cell(static_cast<double>(d.layer), fmt::format("{}", d.layer)),
               {d.input},
               {(d.equalized ? "equalized, " : "") + (d.activation == "token"   ? "per token"
                                                      : d.activation == "float" ? "not quantized"
                                                                                : d.activation)},
               {d.reason},
               number_cell(d.v > 0 ? std::optional(d.v) : std::nullopt, general(d.v, 4)),
               number_cell(seen ? std::optional(p.after.largest) : std::nullopt, general(p.after.largest, 4)),
               number_cell(seen ? std::optional(p.kurtosis) : std::nullopt, fixed(p.kurtosis, 1)),
               count(p.outlier_channels),
               {outliers},
               count(p.massive_tokens)});
  }
  return table.empty() ? "" : folded_html(times(std::ssize(run.quantization->inputs), "input"), table.html());
}

}  // namespace

std::string run_details(const RunReport& report, const Run& run) {
  if (!run.quantization) return "";
  const QuantizeReport& q = *run.quantization;
  std::string facts = fmt::format(
      "{}{}", run.scheme,
      q.calibration_tokens > 0 ? fmt::format("; calibrated on {} tokens", grouped(q.calibration_tokens))
                               : "");
  if (q.tuned) facts += "; scales were tuned afterwards: the errors of weights are those before";
  if (q.head_kl) facts += fmt::format("; its quantized head alone costs KL {}", fixed(*q.head_kl, 5));
  return fmt::format("<h3>{}</h3><p>{}</p>{}{}", escaped(run.name), escaped(facts), tensors(report, run),
                     inputs(run));
}

}  // namespace fptq::report
