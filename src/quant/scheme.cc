#include "quant/scheme.h"

#include <fmt/format.h>

#include <array>

#include "fptq/error.h"

namespace fptq {
namespace {

constexpr WeightSpec kInt4{.bits = 4};
constexpr WeightSpec kInt8{.bits = 8};

constexpr std::array kSchemes = {
    Scheme{"w4a8", "4-bit weights, 8-bit inputs as the method decides", kInt4, ActivationForm::kByMethod},
    Scheme{"w4a8-token", "4-bit weights, 8-bit inputs with a scale per token", kInt4, ActivationForm::kToken},
    Scheme{"w4a8-static", "4-bit weights, 8-bit inputs with one scale each", kInt4, ActivationForm::kStatic},
    Scheme{"w4a16", "4-bit weights, inputs as they are", kInt4, ActivationForm::kFloat},
    Scheme{"w8a8", "8-bit weights, 8-bit inputs as the method decides", kInt8, ActivationForm::kByMethod},
    Scheme{"w8a8-token", "8-bit weights, 8-bit inputs with a scale per token", kInt8, ActivationForm::kToken},
    Scheme{"w8a8-static", "8-bit weights, 8-bit inputs with one scale each", kInt8, ActivationForm::kStatic},
    Scheme{"w8a16", "8-bit weights, inputs as they are", kInt8, ActivationForm::kFloat},
};

}  // namespace

std::span<const Scheme> schemes() {
  return kSchemes;
}

const Scheme& find_scheme(const std::string& name) {
  std::string known;
  for (const Scheme& s : kSchemes) {
    if (name == s.name) return s;
    known += (known.empty() ? "" : ", ") + std::string(s.name);
  }
  throw Error(ErrorKind::kUsage, "scheme",
              fmt::format("\"{}\" is unknown, expected one of: {}", name, known));
}

}  // namespace fptq
