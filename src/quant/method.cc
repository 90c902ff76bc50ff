#include "quant/method.h"

#include <fmt/format.h>

#include <array>

#include "fptq/error.h"
#include "quant/gptq.h"
#include "quant/round_to_nearest.h"

namespace fptq {
namespace {

LinearWeights nearest(const SolverInput& in) {
  return round_to_nearest(in.weights, in.spec, in.scale_dtype, in.pool);
}

template <int descent_passes>
LinearWeights by_curvature(const SolverInput& in) {
  return gptq(in.weights, in.spec, in.scale_dtype, *in.curvature, {.descent_passes = descent_passes},
              in.pool);
}

constexpr StatisticsNeeds kMaxima{};
constexpr StatisticsNeeds kMoments{.moment = true};

constexpr std::array kMethods = {
    Method{"fptq",
           "FPTQ (arXiv 2308.15987): static, equalized or per-token activations by range; weights to nearest",
           true, kMaxima, false, fptq_policy, nearest},
    Method{"rtn", "no data: per-token activations, weights to nearest", false, kMaxima, false,
           per_token_policy, nearest},
    Method{"gptq", "GPTQ (arXiv 2210.17323): act-order, static groups, searched grids; per-token activations",
           true, kMoments, true, per_token_policy, by_curvature<0>},
    Method{"gptaq",
           "GPTAQ (arXiv 2504.02692): GPTQ that aims at the unquantized model's outputs",
           true,
           {.moment = true, .drift = true},
           true,
           per_token_policy,
           by_curvature<0>},
    Method{"gptq-cd", "GPTQ, then coordinate descent on codes and scales (arXiv 2309.01885)", true, kMoments,
           true, per_token_policy, by_curvature<4>},
    Method{"auto",
           "searched equalization and activations, GPTQ and coordinate descent",
           true,
           {.moment = true, .sample_tokens = 512},
           true,
           searched_policy,
           by_curvature<4>,
           true},
    Method{"fptq+gptq", "FPTQ's activations, GPTQ's weights", true, kMoments, true, fptq_policy,
           by_curvature<0>},
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
