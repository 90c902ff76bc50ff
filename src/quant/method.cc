#include "quant/method.h"

#include <fmt/format.h>

#include <array>

#include "fptq/error.h"

namespace fptq {
namespace {

constexpr std::array kMethods = {
    Method{"fptq",
           "FPTQ (arXiv 2308.15987): static, equalized or per-token activations by range; weights to nearest",
           true, fptq_policy, round_to_nearest},
    Method{"rtn", "no data: per-token activations, weights to nearest", false, per_token_policy,
           round_to_nearest},
};

}  // namespace

std::span<const Method> methods() {
  return kMethods;
}

const Method& find_method(const std::string& name) {
  std::string known;
  for (const Method& m : kMethods) {
    if (name == m.name) return m;
    known += (known.empty() ? "" : ", ") + std::string(m.name);
  }
  throw Error(ErrorKind::kUsage, "method",
              fmt::format("\"{}\" is unknown, expected one of: {}", name, known));
}

}  // namespace fptq
