// The CPU's linear layers: float (GEMM of oneDNN), weight-only (integer codes expanded on the way) and
// integer.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "kernels/isa.h"

namespace fptq {

// An input as the integer kernels want it: codes and scales per token.
struct QuantizedInput {
  const int8_t* codes = nullptr;   // [tokens, cols]
  const float* scales = nullptr;   // [tokens]
  const int32_t* zeros = nullptr;  // [tokens], or null when all are 0
};

// Work is cut into panels of output columns; any thread may run any panel, in any order, with the same
// result.
class CpuLinear : public LoadedLinear {
 public:
  static constexpr int64_t kPanel = 128;

  int64_t panels() const { return (rows() + kPanel - 1) / kPanel; }
  const ActivationSpec& activation() const { return activation_; }
  // Computes output columns of `panel`. `input` is set for integer layers, `x` [tokens, cols] always.
  virtual void run(int64_t panel, const float* x, const QuantizedInput& input, int64_t tokens,
                   float* y) const = 0;

 protected:
  explicit CpuLinear(const ActivationSpec& activation) : activation_(activation) {}

 private:
  ActivationSpec activation_;
};

std::unique_ptr<CpuLinear> make_cpu_linear(LinearWeights weights, kernels::Isa isa);

}  // namespace fptq
