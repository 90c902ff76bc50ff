// The CPU's linear layers: float (GEMM of oneDNN; codes are expanded on the way) and integer.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "kernels/int_gemm/int_activations.h"
#include "kernels/isa.h"
#include "tensor/packed_linear.h"

namespace fptq {

// Work is cut into panels of output columns; any thread may run any panel, in any order, with the same
// result.
class CpuLinear : public LoadedLinear {
 public:
  static constexpr int64_t kPanel = 64;

  int64_t panels() const { return (rows() + kPanel - 1) / kPanel; }
  const ActivationSpec& activation() const { return activation_; }
  // How an integer layer wants its input to lie; null for float layers.
  virtual const kernels::IntInputLayout* input() const = 0;
  // Computes output columns of `panel`: float layers from x [tokens, cols], already rounded as activation()
  // says, integer layers from `quantized`.
  virtual void run(int64_t panel, const float* x, const kernels::IntActivations& quantized, int64_t tokens,
                   float* y) const = 0;

 protected:
  explicit CpuLinear(const ActivationSpec& activation) : activation_(activation) {}

 private:
  ActivationSpec activation_;
};

std::unique_ptr<CpuLinear> make_cpu_linear(LinearWeights weights, kernels::Isa isa);
// See Backend::load_packed.
std::unique_ptr<CpuLinear> make_cpu_linear(const PackedLinear& packed, kernels::Isa isa);

}  // namespace fptq
