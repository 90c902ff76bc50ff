// The CPU's keys and values of one layer and one sequence.
#pragma once

#include <vector>

#include "backend/backend.h"
#include "base/aligned_buffer.h"
#include "kernels/attention/kv_layout.h"
#include "kernels/quantize_activations/quantize_activations.h"

namespace fptq {

// A list of blocks of kernels::kKvBlock positions, each with all kv heads (kernels/attention/kv_layout.h).
// Growing adds blocks and moves nothing.
class CpuLayerKv final : public LayerKv {
 public:
  CpuLayerKv(const AttentionShape& shape, KvType type, const kernels::QuantizeActivations& quantize);

  int64_t length() const override { return length_; }
  void truncate(int64_t length) override;
  void copy_from(const LayerKv& other) override;
  size_t bytes() const override;

  // Makes room for `count` more positions and makes them part of the length; store() fills them.
  void extend(int64_t count);
  // k and v of one position, each [kv_heads * head_dim]. Different positions may be stored at once.
  void store(int64_t position, const float* k, const float* v);

  kernels::KvFormat format() const { return format_; }
  const uint8_t* const* blocks() const { return addresses_.data(); }
  // Where a head's record begins in each block, bytes.
  int64_t record(int64_t head) const { return head * layout_.bytes; }

 private:
  void store_codes(uint8_t* record, int64_t slot, const float* k, const float* v) const;

  int64_t kv_heads_, head_dim_;
  kernels::KvFormat format_;
  kernels::KvLayout layout_;
  const kernels::QuantizeActivations& quantize_;
  int64_t length_ = 0;
  std::vector<AlignedBuffer<uint8_t>> blocks_;
  std::vector<const uint8_t*> addresses_;  // of blocks_, as kernels want them
};

}  // namespace fptq
