#include "backend/cpu/kv_cache.h"

#include <algorithm>
#include <cstring>

#include "kernels/attention/kv_write.h"

namespace fptq {
namespace {

kernels::KvFormat format_of(KvType type) {
  switch (type) {
    case KvType::kFloat:
      return kernels::KvFormat::kFloat;
    case KvType::kHalf:
      return kernels::KvFormat::kHalf;
    case KvType::kInt8:
      return kernels::KvFormat::kInt8;
    case KvType::kFloat8:
      return kernels::KvFormat::kFloat8;
  }
  return kernels::KvFormat::kFloat;
}

}  // namespace

CpuLayerKv::CpuLayerKv(const AttentionShape& shape, KvType type, const kernels::QuantizeActivations& quantize)
    : kv_heads_(shape.kv_heads),
      head_dim_(shape.head_dim),
      format_(format_of(type)),
      layout_(kernels::kv_layout(format_, head_dim_)),
      quantize_(quantize) {}

void CpuLayerKv::truncate(int64_t length) {
  length_ = std::min(length_, length);
}

void CpuLayerKv::copy_from(const LayerKv& other) {
  const auto& from = static_cast<const CpuLayerKv&>(other);
  length_ = 0;
  extend(from.length_);
  const auto used = static_cast<size_t>((length_ + kernels::kKvBlock - 1) / kernels::kKvBlock);
  for (size_t i = 0; i < used; ++i) {
    std::memcpy(blocks_[i].data(), from.blocks_[i].data(), static_cast<size_t>(kv_heads_ * layout_.bytes));
  }
}

size_t CpuLayerKv::bytes() const {
  return blocks_.size() * static_cast<size_t>(kv_heads_ * layout_.bytes);
}

void CpuLayerKv::extend(int64_t count) {
  const int64_t length = length_ + count;
  while (static_cast<int64_t>(blocks_.size()) * kernels::kKvBlock < length) {
    AlignedBuffer<uint8_t> block(static_cast<size_t>(kv_heads_ * layout_.bytes));
    // Kernels multiply whole panels; what is not yet filled must not be NaN or subnormal, which are slow.
    block.zero();
    addresses_.push_back(block.data());
    blocks_.push_back(std::move(block));
  }
  length_ = length;
}

void CpuLayerKv::store(int64_t position, const float* k, const float* v) {
  uint8_t* block = blocks_[static_cast<size_t>(position / kernels::kKvBlock)].data();
  const int64_t slot = position % kernels::kKvBlock;
  for (int64_t h = 0; h < kv_heads_; ++h, k += head_dim_, v += head_dim_) {
    uint8_t* head = block + record(h);
    switch (format_) {
      case kernels::KvFormat::kFloat:
        kernels::write_kv_floats(head, head_dim_, slot, k, v);
        break;
      case kernels::KvFormat::kHalf:
        kernels::write_kv_halves(head, head_dim_, slot, k, v);
        break;
      case kernels::KvFormat::kInt8:
        store_codes(head, slot, k, v);
        break;
      case kernels::KvFormat::kFloat8:
        kernels::write_kv_float8(head, head_dim_, slot, k, v);
        break;
    }
  }
}

void CpuLayerKv::store_codes(uint8_t* record, int64_t slot, const float* k, const float* v) const {
  thread_local AlignedBuffer<int8_t> codes;
  codes.ensure(static_cast<size_t>(2 * head_dim_));
  int8_t *k_codes = codes.data(), *v_codes = k_codes + head_dim_;
  float k_scale = 0, v_scale = 0;
  quantize_.token(k, head_dim_, k_codes, &k_scale);
  quantize_.token(v, head_dim_, v_codes, &v_scale);
  kernels::write_kv_codes(record, head_dim_, slot, k_codes, k_scale, v_codes, v_scale);
}

}  // namespace fptq
