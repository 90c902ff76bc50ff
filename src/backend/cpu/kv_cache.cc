#include "backend/cpu/kv_cache.h"

#include <algorithm>
#include <cstring>

namespace fptq {
namespace {

// Copies `heads` runs of `used` elements from stride `from` to stride `to`.
template <typename T>
void regrow(AlignedBuffer<T>& buffer, int64_t heads, int64_t used, int64_t from, int64_t to) {
  AlignedBuffer<T> bigger(static_cast<size_t>(heads * to));
  for (int64_t h = 0; h < heads && used > 0; ++h) {
    std::memcpy(bigger.data() + h * to, buffer.data() + h * from, static_cast<size_t>(used) * sizeof(T));
  }
  buffer = std::move(bigger);
}

}  // namespace

CpuLayerKv::CpuLayerKv(const AttentionShape& shape, KvType type, const kernels::QuantizeActivations& quantize)
    : kv_heads_(shape.kv_heads), head_dim_(shape.head_dim), type_(type), quantize_(quantize) {}

void CpuLayerKv::truncate(int64_t length) {
  length_ = std::min(length_, length);
}

size_t CpuLayerKv::bytes() const {
  return (k_.size() + v_.size() + k_scales_.size() + v_scales_.size()) * sizeof(float) + k_codes_.size() +
         v_codes_.size();
}

void CpuLayerKv::grow(int64_t capacity) {
  const int64_t d = head_dim_;
  if (type_ == KvType::kFloat) {
    regrow(k_, kv_heads_, length_ * d, capacity_ * d, capacity * d);
    regrow(v_, kv_heads_, length_ * d, capacity_ * d, capacity * d);
  } else {
    regrow(k_codes_, kv_heads_, length_ * d, capacity_ * d, capacity * d);
    regrow(v_codes_, kv_heads_, length_ * d, capacity_ * d, capacity * d);
    regrow(k_scales_, kv_heads_, length_, capacity_, capacity);
    regrow(v_scales_, kv_heads_, length_, capacity_, capacity);
  }
  capacity_ = capacity;
}

void CpuLayerKv::extend(int64_t count) {
  const int64_t needed = length_ + count;
  // A prompt gets exactly its size; later growth doubles.
  if (needed > capacity_)
    grow(capacity_ == 0 ? std::max<int64_t>(needed, 16) : std::max(needed, 2 * capacity_));
  length_ = needed;
}

void CpuLayerKv::store(int64_t position, const float* k, const float* v) {
  for (int64_t h = 0; h < kv_heads_; ++h) {
    const int64_t at = h * capacity_ + position;
    const float* k_head = k + h * head_dim_;
    const float* v_head = v + h * head_dim_;
    if (type_ == KvType::kFloat) {
      std::memcpy(k_.data() + at * head_dim_, k_head, static_cast<size_t>(head_dim_) * sizeof(float));
      std::memcpy(v_.data() + at * head_dim_, v_head, static_cast<size_t>(head_dim_) * sizeof(float));
    } else {
      quantize_.token(k_head, head_dim_, k_codes_.data() + at * head_dim_,
                      &k_scales_[static_cast<size_t>(at)]);
      quantize_.token(v_head, head_dim_, v_codes_.data() + at * head_dim_,
                      &v_scales_[static_cast<size_t>(at)]);
    }
  }
}

}  // namespace fptq
