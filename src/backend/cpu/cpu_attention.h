// Attention of a batch of sequences, cut into tasks for the pool.
#pragma once

#include <span>
#include <vector>

#include "backend/backend.h"
#include "base/aligned_buffer.h"
#include "kernels/attention/attention.h"
#include "kernels/isa.h"

namespace fptq {

// Not thread-safe: one call at a time. `pool` must outlive it.
class CpuAttention {
 public:
  CpuAttention(ThreadPool& pool, kernels::Isa isa) : pool_(pool), kernel_(kernels::attention(isa)) {}

  // As Backend::attention().
  void run(const AttentionShape& shape, std::span<const AttentionSequence> sequences, const float* q,
           const float* k, const float* v, float* out);

 private:
  // Rows of one kv head, for one call of the kernel.
  struct Tile {
    kernels::AttentionArgs args;
    float* partials = nullptr;  // where the blocks are attended apart
  };
  // Some blocks of a tile, attended apart.
  struct Part {
    const Tile* tile;
    int64_t begin, end;
  };

  void append(std::span<const AttentionSequence> sequences, int64_t kv_width, const float* k, const float* v);
  void cut_into_tiles(const AttentionShape& shape, std::span<const AttentionSequence> sequences,
                      const float* q, float* out);
  void attend_whole();
  void attend_in_parts(int64_t head_dim);

  ThreadPool& pool_;
  const kernels::Attention& kernel_;
  std::vector<Tile> tiles_;
  std::vector<Part> parts_;
  AlignedBuffer<float> partials_;
};

}  // namespace fptq
