// The CPU's keys and values of one layer and one sequence.
#pragma once

#include "backend/backend.h"
#include "base/aligned_buffer.h"
#include "kernels/quantize_activations/quantize_activations.h"

namespace fptq {

// Per kv head [capacity, head_dim]: floats, or INT8 codes with a scale per position. Capacity doubles.
class CpuLayerKv final : public LayerKv {
 public:
  CpuLayerKv(const AttentionShape& shape, KvType type, const kernels::QuantizeActivations& quantize);

  int64_t length() const override { return length_; }
  void truncate(int64_t length) override;
  size_t bytes() const override;

  KvType type() const { return type_; }
  // Makes room for `count` more positions and makes them part of the length; store() fills them.
  void extend(int64_t count);
  // k and v of one position, each [kv_heads * head_dim].
  void store(int64_t position, const float* k, const float* v);

  const float* k(int64_t head) const { return k_.data() + head * capacity_ * head_dim_; }
  const float* v(int64_t head) const { return v_.data() + head * capacity_ * head_dim_; }
  const int8_t* k_codes(int64_t head) const { return k_codes_.data() + head * capacity_ * head_dim_; }
  const int8_t* v_codes(int64_t head) const { return v_codes_.data() + head * capacity_ * head_dim_; }
  const float* k_scales(int64_t head) const { return k_scales_.data() + head * capacity_; }
  const float* v_scales(int64_t head) const { return v_scales_.data() + head * capacity_; }

 private:
  void grow(int64_t capacity);

  int64_t kv_heads_, head_dim_;
  KvType type_;
  const kernels::QuantizeActivations& quantize_;
  int64_t length_ = 0, capacity_ = 0;
  AlignedBuffer<float> k_, v_, k_scales_, v_scales_;
  AlignedBuffer<int8_t> k_codes_, v_codes_;
};

}  // namespace fptq
