#include "quant/stored.h"

#include <utility>

#include "quant/grid.h"

namespace fptq {
void round_all(std::span<float> values, DType dtype) {
  if (dtype == DType::kF32) return;
  for (float& x : values) x = round_to_dtype(x, dtype);
}

AlignedBuffer<float> rounded(const Tensor& tensor, DType dtype) {
  AlignedBuffer<float> values = tensor.to_floats();
  round_all(values, dtype);
  return values;
}

Block load_stored(Backend& backend, const QuantizedBlock& quantized, DType dtype) {
  Block block;
  for (size_t i = 0; i < quantized.linears.size(); ++i) {
    LinearWeights weights = quantized.linears[i];
    if (weights.bias) weights.bias = Tensor::from_floats(weights.bias.shape(), rounded(weights.bias, dtype));
    block.linears[i] = backend.load_linear(std::move(weights));
  }
  block.attention_norm = rounded(quantized.attention_norm, dtype);
  block.mlp_norm = rounded(quantized.mlp_norm, dtype);
  return block;
}

}  // namespace fptq
