#include "api/scheme_name.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace fptq {
namespace {

// Different values in the order in which they came.
class Distinct {
 public:
  void add(std::string value) {
    if (std::find(values_.begin(), values_.end(), value) == values_.end())
      values_.push_back(std::move(value));
  }
  std::string joined() const { return fmt::format("{}", fmt::join(values_, "+")); }

 private:
  std::vector<std::string> values_;
};

}  // namespace

std::string scheme_name(const WeightSource& weights) {
  Distinct bits, input_bits, groups, symmetry, scaling;
  std::string dense_type;
  bool any_quantized = false;
  for (int64_t layer = 0; layer < weights.config().num_layers; ++layer) {
    for (const LinearId id : kAllLinears) {
      const LinearWeights w = weights.linear(layer, id);
      if (w.spec.dense()) {
        if (dense_type.empty()) dense_type = dtype_info(w.weight.dtype()).name;
        bits.add("16");
        input_bits.add("16");
        continue;
      }
      any_quantized = true;
      bits.add(fmt::format("{}", w.spec.bits));
      groups.add(w.spec.group_size == 0 ? "row" : fmt::format("g{}", w.spec.group_size));
      symmetry.add(w.spec.symmetric ? "sym" : "asym");
      const ActivationMode mode = w.activation.mode;
      input_bits.add(mode == ActivationMode::kFloat ? "16" : "8");
      if (mode != ActivationMode::kFloat)
        scaling.add(mode == ActivationMode::kStaticTensor ? "static" : "token");
    }
    weights.release_block(layer);
  }
  if (!any_quantized) return dense_type;
  std::string name =
      fmt::format("W{}A{} {} {}", bits.joined(), input_bits.joined(), groups.joined(), symmetry.joined());
  if (const std::string how = scaling.joined(); !how.empty()) name += " " + how;
  return name;
}

}  // namespace fptq
