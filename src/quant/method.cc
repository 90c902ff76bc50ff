#include "quant/method.h"

#include <fmt/format.h>

#include <array>

#include "fptq/error.h"
#include "quant/awq.h"
#include "quant/gptq.h"
#include "quant/round_to_nearest.h"

namespace fptq {
namespace {

LinearWeights nearest(const SolverInput& in) {
  return round_to_nearest(in.weights, in.spec, in.scale_dtype, in.pool);
}

// As compressed-tensors does.
LinearWeights nearest_full(const SolverInput& in) {
  return round_to_nearest(in.weights, in.spec, in.scale_dtype, in.pool, SymmetricFit::kFull);
}

template <int descent_passes>
LinearWeights by_curvature(const SolverInput& in) {
  return gptq(in.weights, in.spec, in.scale_dtype, *in.curvature, {.descent_passes = descent_passes},
              in.pool);
}

LinearWeights clipped(const SolverInput& in) {
  // Clipping changes what queries and keys add up to most where attention looks hardest (AutoAWQ leaves them
  // alone, too); eight bits have nothing to gain from it.
  const bool makes_scores = in.id == LinearId::kQ || in.id == LinearId::kK;
  if (makes_scores || in.spec.bits == 8) return nearest(in);
  return round_clipped(in.weights, in.spec, in.scale_dtype, in.sample, in.equalization, in.pool);
}

constexpr StatisticsNeeds kMaxima{};
constexpr StatisticsNeeds kMoments{.moment = true};

constexpr std::array kMethods = {
    Method{"fptq",
           "FPTQ (arXiv 2308.15987): static, equalized or per-token activations by range; weights to nearest",
           true, kMaxima, false, fptq_policy, nearest, ActivationForm::kByMethod, false, true},
    Method{"rtn", "no data: per-token activations, weights to nearest", false, kMaxima, false,
           per_token_policy, nearest_full, ActivationForm::kByMethod, false, true},
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
           {.moment = true, .sample_tokens = kSampleTokens},
           true,
           searched_policy,
           by_curvature<4>,
           ActivationForm::kByMethod,
           true},
    Method{"fptq+gptq", "FPTQ's activations, GPTQ's weights", true, kMoments, true, fptq_policy,
           by_curvature<0>},
    Method{"static", "one scale for all tokens, weights to nearest", true, kMaxima, false, plain_policy,
           nearest_full, ActivationForm::kStatic, false, true},
    Method{"smoothquant",
           "SmoothQuant (arXiv 2211.10438) folded into the norms; per-token activations, weights to nearest",
           true, kMaxima, false, smoothquant_policy, nearest_full, ActivationForm::kToken, false, true},
    Method{"awq",
           "AWQ (arXiv 2306.00978): searched scales, clipped groups to nearest; per-token activations",
           true,
           {.sample_tokens = kSampleTokens, .mean = true},
           false,
           awq_policy,
           clipped,
           ActivationForm::kToken},
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
