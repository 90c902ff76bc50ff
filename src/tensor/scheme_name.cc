#include "tensor/scheme_name.h"

#include <fmt/format.h>

namespace fptq {
namespace {

// What shares a scale; `row` is how the type calls a row.
std::string granularity(const WeightSpec& spec, const char* row) {
  if (spec.per_tensor) return "tensor";
  return spec.group_size == 0 ? row : fmt::format("g{}", spec.group_size);
}

}  // namespace

std::string scheme_name(const WeightSpec& spec) {
  switch (spec.type) {
    case CodeType::kInteger:
      return fmt::format("int{} {} {}", spec.bits, granularity(spec, "row"), spec.symmetric ? "sym" : "asym");
    case CodeType::kFloat8E4M3:
      return "fp8_e4m3 " + granularity(spec, "channel");
    case CodeType::kFloat8E5M2:
      return "fp8_e5m2 " + granularity(spec, "channel");
    case CodeType::kNormalFloat4:
      return fmt::format("nf4 g{}{}", spec.group_size, spec.nested ? " dq" : "");
  }
  return "";
}

std::string scheme_name(const ActivationSpec& spec) {
  if (spec.mode == ActivationMode::kFloat) return "";
  std::string type;  // INT8 goes without saying
  if (spec.type == CodeType::kFloat8E4M3) type = "fp8 ";
  if (spec.type == CodeType::kInteger && spec.bits != 8) type = fmt::format("int{} ", spec.bits);
  return type +
         (spec.mode == ActivationMode::kDynamicToken ? "token" : fmt::format("static {:.6g}", spec.scale));
}

}  // namespace fptq
