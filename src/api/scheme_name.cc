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
    if (value.empty()) return;
    if (std::find(values_.begin(), values_.end(), value) == values_.end())
      values_.push_back(std::move(value));
  }
  std::string joined() const { return fmt::format("{}", fmt::join(values_, "+")); }

 private:
  std::vector<std::string> values_;
};

// Integers go without saying.
const char* type_name(CodeType type) {
  switch (type) {
    case CodeType::kInteger:
      return "";
    case CodeType::kFloat8E4M3:
      return "fp8_e4m3";
    case CodeType::kFloat8E5M2:
      return "fp8_e5m2";
    case CodeType::kNormalFloat4:
      return "nf4";
  }
  return "";
}

}  // namespace

std::string scheme_name(const WeightSource& weights) {
  Distinct bits, input_bits, types, groups, symmetry, scaling;
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
      types.add(type_name(w.spec.type));
      groups.add(w.spec.per_tensor        ? "tensor"
                 : w.spec.group_size == 0 ? "row"
                                          : fmt::format("g{}", w.spec.group_size));
      if (w.spec.type == CodeType::kInteger) symmetry.add(w.spec.symmetric ? "sym" : "asym");
      const ActivationMode mode = w.activation.mode;
      input_bits.add(mode == ActivationMode::kFloat ? "16" : fmt::format("{}", w.activation.bits));
      if (mode != ActivationMode::kFloat)
        scaling.add(mode == ActivationMode::kStaticTensor ? "static" : "token");
    }
    weights.release_block(layer);
  }
  if (!any_quantized) return dense_type;
  std::string name = fmt::format("W{}A{}", bits.joined(), input_bits.joined());
  for (const Distinct& part : {types, groups, symmetry, scaling}) {
    if (const std::string text = part.joined(); !text.empty()) name += " " + text;
  }
  return name;
}

}  // namespace fptq
