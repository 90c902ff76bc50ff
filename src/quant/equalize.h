// Equalizers: pure functions from the channel maxima of an input to the scales s_j that it is divided by (and
// the weight columns multiplied by). FPTQ's and its rivals' differ by one formula.
#pragma once

#include <span>
#include <vector>

namespace fptq {

// Logarithmic activation equalization (arXiv 2308.15987): s_j = a_j / log2(2 + a_j), which leaves channel j
// with the maximum log2(2 + a_j). A dead channel (a_j = 0) keeps s = 1; s is at least 1e-5. `channel_max` is
// finite.
std::vector<float> lae_scales(std::span<const float> channel_max);

// SmoothQuant (arXiv 2211.10438): s_j = a_j^alpha / w_j^(1 - alpha), w_j the largest |w| of column j; at
// least 1e-5, and 1 where a_j or w_j is 0.
std::vector<float> smoothquant_scales(std::span<const float> channel_max, std::span<const float> column_max,
                                      double alpha);

// Largest |x| after division: max_j a_j / s_j.
float equalized_max(std::span<const float> channel_max, std::span<const float> scales);

}  // namespace fptq
