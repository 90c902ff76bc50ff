#include "quant/tuning/tuned_block.h"

#include <cmath>
#include <utility>

#include "quant/grid.h"
#include "quant/stored.h"
#include "tensor/dtype.h"

namespace fptq {
namespace {

int64_t size_of(const Tensor& t) {
  return element_count(t.shape(), "tensor");
}

AlignedBuffer<float> times_factors(const Tensor& t, const float* logarithms) {
  AlignedBuffer<float> values = t.to_floats();
  for (size_t i = 0; i < values.size(); ++i) values[i] *= std::exp(logarithms[i]);
  return values;
}

Tensor tuned_norm(const Tensor& norm, const float* logarithms, DType dtype) {
  AlignedBuffer<float> values = times_factors(norm, logarithms);
  round_all(values, dtype);
  return Tensor::from_floats(norm.shape(), values);
}

Tensor tuned_scales(const Tensor& scales, const float* logarithms, DType dtype) {
  AlignedBuffer<float> values = times_factors(scales, logarithms);
  for (float& v : values) v = stored_scale(v, dtype);
  std::byte* data = nullptr;
  Tensor out = Tensor::allocate(dtype, scales.shape(), &data);
  encode_row(dtype, values.data(), data, std::ssize(values));
  return out;
}

}  // namespace

BlockParameters lay_out_parameters(const QuantizedBlock& block, int64_t begin) {
  BlockParameters at;
  at.end = begin;
  const auto take = [&at](int64_t count) { return std::exchange(at.end, at.end + count); };
  for (size_t i = 0; i < block.linears.size(); ++i) {
    const WeightSpec& spec = block.linears[i].spec;
    at.tuned[i] = !spec.dense() && spec.type == CodeType::kInteger && !spec.per_tensor;
    at.scales[i] = take(at.tuned[i] ? size_of(block.linears[i].scales) : 0);
  }
  at.attention_norm = take(size_of(block.attention_norm));
  at.mlp_norm = take(size_of(block.mlp_norm));
  return at;
}

QuantizedBlock tuned_block(const QuantizedBlock& block, const BlockParameters& at, const float* logarithms,
                           DType scale_dtype, DType norm_dtype) {
  QuantizedBlock tuned = block;
  for (size_t i = 0; i < tuned.linears.size(); ++i) {
    if (at.tuned[i])
      tuned.linears[i].scales = tuned_scales(block.linears[i].scales, logarithms + at.scales[i], scale_dtype);
  }
  tuned.attention_norm = tuned_norm(block.attention_norm, logarithms + at.attention_norm, norm_dtype);
  tuned.mlp_norm = tuned_norm(block.mlp_norm, logarithms + at.mlp_norm, norm_dtype);
  return tuned;
}

}  // namespace fptq
