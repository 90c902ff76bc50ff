#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/svg_chart.h"
#include "report/text.h"
#include "report/trial_rows.h"

namespace fptq {
namespace {

using namespace report;

constexpr const char* kDivergence = "mean KL divergence from the original, nats";

// Trials that stand in the same place: they differ in their seed.
struct Place {
  const StudyPoint* point = nullptr;
  std::vector<double> kl;  // of those that have one

  double mean() const {
    double sum = 0;
    for (const double v : kl) sum += v;
    return sum / static_cast<double>(kl.size());
  }
  double low() const { return *std::min_element(kl.begin(), kl.end()); }
  double high() const { return *std::max_element(kl.begin(), kl.end()); }
};

// In the order of their first trial.
std::vector<Place> places_of(const StudyResult& result) {
  std::vector<Place> places;
  for (size_t i = 0; i < result.points.size(); ++i) {
    const StudyPoint& point = result.points[i];
    auto at = std::find_if(places.begin(), places.end(), [&](const Place& p) {
      return p.point->series == point.series && p.point->x == point.x;
    });
    if (at == places.end()) at = places.insert(places.end(), {&point, {}});
    const std::optional<EvalResult>& evaluation = result.trials.trials[i].evaluation;
    if (evaluation && evaluation->kl) at->kl.push_back(evaluation->kl->mean);
  }
  return places;
}

Table table_of(const StudyResult& result) {
  std::vector<const TrialResult*> rows = {&result.trials.original};
  for (const TrialResult& trial : result.trials.trials) rows.push_back(&trial);
  return trial_table("run", rows);
}

// A row for each place, where places have several trials; otherwise none.
std::optional<Table> spread_of(const StudyResult& result) {
  using Align = Table::Align;
  const std::vector<Place> places = places_of(result);
  if (places.size() == result.points.size()) return std::nullopt;
  Table table({{""},
               {result.x_label, Align::kRight},
               {"runs", Align::kRight},
               {"KL mean", Align::kRight},
               {"lowest", Align::kRight},
               {"highest", Align::kRight},
               {"spread", Align::kRight}});
  for (const Place& p : places) {
    std::vector<std::string> cells = {p.point->series, fmt::format("{:g}", p.point->x),
                                      fmt::format("{}", p.kl.size())};
    if (!p.kl.empty()) {
      cells.insert(cells.end(), {fixed(p.mean(), 4), fixed(p.low(), 4), fixed(p.high(), 4),
                                 percent((p.high() - p.low()) / p.mean())});
    }
    table.add(std::move(cells));
  }
  return table;
}

std::string heading(const StudyResult& result) {
  return fmt::format("{}\n{}; {}\n\n", result.question, printable(result.trials.original.model),
                     text_line(result.trials));
}

std::string bars(const StudyResult& result) {
  BarChart chart{result.question, kDivergence, {}};
  for (const Place& place : places_of(result)) {
    if (!place.kl.empty()) chart.bars.push_back({place.point->series, place.mean()});
  }
  return svg(chart);
}

std::string curves(const StudyResult& result) {
  LineChart chart{result.question, result.x_label, kDivergence, {}, result.x_marks};
  for (const Place& place : places_of(result)) {
    if (place.kl.empty()) continue;
    const std::string& name = place.point->series;
    auto series = std::find_if(chart.series.begin(), chart.series.end(),
                               [&](const ChartSeries& s) { return s.name == name; });
    if (series == chart.series.end()) series = chart.series.insert(chart.series.end(), {name, {}});
    series->points.push_back({place.point->x, place.mean(), place.low(), place.high()});
  }
  return svg(chart);
}

}  // namespace

std::string to_json(const StudyResult& result) {
  Json json = document("fptq.study.v1");
  json["study"] = result.name;
  json["question"] = result.question;
  json["x_label"] = result.x_label.empty() ? Json(nullptr) : Json(result.x_label);
  json["text"] = result.trials.text;
  json["ctx"] = result.trials.ctx;
  json["tokens"] = result.trials.tokens;
  json["original"] = trial_members(result.trials.original);
  json["points"] = Json::array();
  for (size_t i = 0; i < result.points.size(); ++i) {
    Json point = {{"series", result.points[i].series}, {"x", result.points[i].x}};
    point.update(trial_members(result.trials.trials[i]));
    json["points"].push_back(std::move(point));
  }
  return dump(json);
}

std::string to_text(const StudyResult& result) {
  std::string out = heading(result) + table_of(result).render();
  if (const std::optional<Table> spread = spread_of(result)) out += "\n" + spread->render();
  return out + failure_lines(result.trials.trials);
}

std::string to_markdown(const StudyResult& result) {
  std::string out = heading(result) + table_of(result).markdown();
  if (const std::optional<Table> spread = spread_of(result)) out += "\n" + spread->markdown();
  return out + failure_lines(result.trials.trials);
}

std::string to_csv(const StudyResult& result) {
  std::string out = "study,series,x," + csv_header() + "\n";
  out += fmt::format("{},,,{}\n", result.name, csv_row(result.trials.original));
  for (size_t i = 0; i < result.points.size(); ++i) {
    const StudyPoint& point = result.points[i];
    out += fmt::format("{},{},{},{}\n", result.name, csv_field(point.series), point.x,
                       csv_row(result.trials.trials[i]));
  }
  return out;
}

std::string to_svg(const StudyResult& result) {
  return result.x_label.empty() ? bars(result) : curves(result);
}

}  // namespace fptq
