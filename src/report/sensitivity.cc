#include "fptq/sensitivity.h"

#include <fmt/format.h>

#include <algorithm>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/table.h"
#include "report/text.h"

namespace fptq {

using namespace report;

std::string to_json(const SensitivityResult& result) {
  Json json = document("fptq.sensitivity.v1");
  json["model"] = result.model;
  json["method"] = result.method;
  json["scheme"] = result.scheme;
  json["text"] = result.text;
  json["ctx"] = result.ctx;
  json["tokens"] = result.tokens;
  json["layers"] = Json::array();
  for (const LayerSensitivity& l : result.layers) {
    json["layers"].push_back(
        {{"module", l.module}, {"weights", l.weights}, {"bits_per_weight", l.bits_per_weight}, {"kl", l.kl}});
  }
  json["timing"] = {{"seconds", result.seconds}};
  return dump(json);
}

std::string to_text(const SensitivityResult& result) {
  constexpr size_t kShown = 20;
  using Align = Table::Align;
  std::vector<LayerSensitivity> sorted = result.layers;
  std::ranges::stable_sort(sorted, std::greater<>(), &LayerSensitivity::kl);
  double sum = 0;
  for (const LayerSensitivity& l : sorted) sum += l.kl;
  Table table({{"layer"}, {"KL", Align::kRight}, {"share", Align::kRight}, {"bits", Align::kRight}});
  for (size_t i = 0; i < std::min(kShown, sorted.size()); ++i) {
    const LayerSensitivity& l = sorted[i];
    table.add({l.module, fixed(l.kl, 5), percent(sum > 0 ? l.kl / sum : 0), fixed(l.bits_per_weight, 2)});
  }
  return fmt::format("{}; mean KL when a layer alone is quantized by {} ({}), {} tokens of {}\n\n",
                     printable(result.model), result.method, result.scheme, grouped(result.tokens),
                     printable(result.text)) +
         table.render() +
         fmt::format("\n{} layers; their sum is KL {}\n", grouped(std::ssize(sorted)), fixed(sum, 4));
}

}  // namespace fptq
