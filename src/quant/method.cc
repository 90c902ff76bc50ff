#include "quant/method.h"

#include <array>

#include "quant/awq.h"
#include "quant/gptq.h"
#include "quant/named_row.h"
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

// As AutoRound starts.
LinearWeights nearest_signed(const SolverInput& in) {
  return round_to_nearest(in.weights, in.spec, in.scale_dtype, in.pool,
                          in.spec.bits < 8 ? SymmetricFit::kSigned : SymmetricFit::kNarrow);
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

// SmolLM2, groups of 64, fast, 16,384 tokens: KL on other text than that of the calibration is 12 to 15 %
// below that of GPTQ's own damping, on text like it 8 %; shares from 0.1 to 0.4 and damping from 0.05 to 0.25
// differ by less than two runs do.
constexpr Regularization kGeneral{.damping = 0.1, .shrinkage = 0.2};

constexpr std::array kMethods = {
    Method{.name = "fptq",
           .summary =
               "FPTQ (arXiv 2308.15987): static, equalized or per-token activations by range; weights to "
               "nearest",
           .needs = kMaxima,
           .plan_activation = fptq_policy,
           .solve = nearest,
           .every_type = true},
    Method{.name = "rtn",
           .summary = "no data: per-token activations, weights to nearest",
           .needs_calibration = false,
           .plan_activation = per_token_policy,
           .solve = nearest_full,
           .every_type = true},
    Method{
        .name = "gptq",
        .summary = "GPTQ (arXiv 2210.17323): act-order, static groups, searched grids; per-token activations",
        .needs = kMoments,
        .sequential = true,
        .plan_activation = per_token_policy,
        .solve = by_curvature<0>,
        .without_data = kOwnText},
    Method{.name = "gptaq",
           .summary = "GPTAQ (arXiv 2504.02692): GPTQ that aims at the unquantized model's outputs",
           .needs = {.moment = true, .drift = true},
           .sequential = true,
           .plan_activation = per_token_policy,
           .solve = by_curvature<0>,
           .without_data = kOwnText},
    Method{.name = "gptq-cd",
           .summary = "GPTQ, then coordinate descent on codes and scales (arXiv 2309.01885)",
           .needs = kMoments,
           .sequential = true,
           .plan_activation = per_token_policy,
           .solve = by_curvature<4>,
           .without_data = kOwnText},
    Method{.name = "autoround",
           .summary = "AutoRound (arXiv 2309.05516): rounding learned block by block; per-token activations",
           .needs = kMaxima,
           .sequential = true,
           .plan_activation = per_token_policy,
           .solve = nearest_signed,
           .inputs = ActivationForm::kToken,
           .learns = true,
           .without_data = kOwnText},
    Method{
        .name = "auto",
        .summary = "searched equalization and activations, GPTQ, coordinate descent, scales tuned end to end",
        .needs = {.moment = true, .sample_tokens = kSampleTokens},
        .sequential = true,
        .plan_activation = searched_policy,
        .solve = by_curvature<4>,
        .regularization = kGeneral,
        .tunes = true,
        .without_data = kOwnText},
    Method{.name = "fptq+gptq",
           .summary = "FPTQ's activations, GPTQ's weights",
           .needs = kMoments,
           .sequential = true,
           .plan_activation = fptq_policy,
           .solve = by_curvature<0>,
           .without_data = kOwnText},
    Method{.name = "static",
           .summary = "one scale for all tokens, weights to nearest",
           .needs = kMaxima,
           .plan_activation = plain_policy,
           .solve = nearest_full,
           .inputs = ActivationForm::kStatic,
           .every_type = true},
    Method{.name = "smoothquant",
           .summary =
               "SmoothQuant (arXiv 2211.10438) folded into the norms; per-token activations, weights to "
               "nearest",
           .needs = kMaxima,
           .plan_activation = smoothquant_policy,
           .solve = nearest_full,
           .inputs = ActivationForm::kToken,
           .every_type = true},
    Method{.name = "awq",
           .summary =
               "AWQ (arXiv 2306.00978): searched scales, clipped groups to nearest; per-token activations",
           .needs = {.sample_tokens = kSampleTokens, .mean = true},
           .plan_activation = awq_policy,
           .solve = clipped,
           .inputs = ActivationForm::kToken,
           .without_data = kOwnText},
};

}  // namespace

std::span<const Method> methods() {
  return kMethods;
}

const Method& find_method(const std::string& name) {
  return find_row(kMethods, "method", name);
}

}  // namespace fptq
