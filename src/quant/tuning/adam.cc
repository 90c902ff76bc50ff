#include "quant/tuning/adam.h"

#include <cmath>

#include "base/each_isa.h"

namespace fptq {
namespace {

// The second average is short: there are tens of steps, not thousands.
constexpr float kFirst = 0.9f, kSecond = 0.95f, kEpsilon = 1e-8f;

FPTQ_EACH_ISA void move(const float* gradient, int64_t n, float rate, float correction, float* values,
                        float* first, float* second) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = gradient[i];
    first[i] = kFirst * first[i] + (1.0f - kFirst) * g;
    second[i] = kSecond * second[i] + (1.0f - kSecond) * g * g;
    values[i] -= rate * first[i] / (std::sqrt(second[i]) * correction + kEpsilon);
  }
}

}  // namespace

void adam_step(const AdamStep& by, const float* gradient, int64_t n, float* values, float* first,
               float* second) {
  const auto steps = static_cast<double>(by.before + 1);
  const double unbiased_first = 1.0 - std::pow(static_cast<double>(kFirst), steps),
               unbiased_second = 1.0 - std::pow(static_cast<double>(kSecond), steps);
  move(gradient, n, static_cast<float>(by.rate / unbiased_first),
       static_cast<float>(1.0 / std::sqrt(unbiased_second)), values, first, second);
}

}  // namespace fptq
