// Standard errors by resampling.
#pragma once

#include <cstdint>
#include <span>

namespace fptq {

// The standard deviation of the means of `rounds` resamples of `values` with replacement (Efron 1979); 0 for
// fewer than two values. The same bits for the same seed on every machine.
double bootstrap_error(std::span<const double> values, int64_t rounds, uint64_t seed);

}  // namespace fptq
