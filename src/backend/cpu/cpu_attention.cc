#include "backend/cpu/cpu_attention.h"

#include <algorithm>

#include "backend/cpu/kv_cache.h"

namespace fptq {
namespace {

// Tokens a task appends: whole panels, if the sequence begins at one.
constexpr int64_t kAppendGrain = 16;
// Fewer tiles than this leave threads without work, or with much less than others; then a tile's blocks of
// keys are attended apart, some at a time. Results are the same either way.
constexpr int64_t kEnoughTiles = 16;
constexpr int64_t kBlocksOfPart = 2;
// Where no tile has more blocks than this, the second loop over the merges would cost more than it gains.
constexpr int64_t kFewBlocks = 3;

int64_t blocks_of(const kernels::AttentionArgs& a) {
  return kernels::attention_end_block(a) - kernels::attention_first_block(a);
}

float* scratch_of_thread(int64_t head_dim) {
  thread_local AlignedBuffer<float> scratch;
  scratch.ensure(static_cast<size_t>(kernels::attention_scratch_floats(head_dim)));
  return scratch.data();
}

}  // namespace

void CpuAttention::run(const AttentionShape& shape, std::span<const AttentionSequence> sequences,
                       const float* q, const float* k, const float* v, float* out) {
  append(sequences, shape.kv_heads * shape.head_dim, k, v);
  cut_into_tiles(shape, sequences, q, out);
  const auto longest = std::max_element(tiles_.begin(), tiles_.end(), [](const Tile& a, const Tile& b) {
    return blocks_of(a.args) < blocks_of(b.args);
  });
  const bool enough = static_cast<int64_t>(tiles_.size()) >= kEnoughTiles;
  if (enough || tiles_.empty() || blocks_of(longest->args) <= kFewBlocks) {
    attend_whole();
  } else {
    attend_in_parts(shape.head_dim);
  }
}

void CpuAttention::append(std::span<const AttentionSequence> sequences, int64_t kv_width, const float* k,
                          const float* v) {
  for (const AttentionSequence& s : sequences) {
    auto& kv = static_cast<CpuLayerKv&>(*s.kv);
    const int64_t past = kv.length();
    kv.extend(s.count);
    pool_.parallel_for(s.count, kAppendGrain, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        kv.store(past + t, k + (s.begin + t) * kv_width, v + (s.begin + t) * kv_width);
      }
    });
  }
}

void CpuAttention::cut_into_tiles(const AttentionShape& shape, std::span<const AttentionSequence> sequences,
                                  const float* q, float* out) {
  tiles_.clear();
  const int64_t group = shape.heads / shape.kv_heads, width = shape.heads * shape.head_dim;
  for (const AttentionSequence& s : sequences) {
    const auto& kv = static_cast<const CpuLayerKv&>(*s.kv);
    for (int64_t kv_head = 0; kv_head < shape.kv_heads; ++kv_head) {
      const int64_t at = s.begin * width + kv_head * group * shape.head_dim, rows = s.count * group;
      kernels::AttentionArgs a;
      a.q = q + at;
      a.q_stride = width;
      a.group = group;
      a.head_dim = shape.head_dim;
      a.first_position = kv.length() - s.count;
      a.window = shape.window;
      a.scale = 1.0f / __builtin_sqrtf(static_cast<float>(shape.head_dim));
      a.format = kv.format();
      a.blocks = kv.blocks();
      a.record = kv.record(kv_head);
      a.out = out + at;
      a.out_stride = width;
      for (a.row_begin = 0; a.row_begin < rows; a.row_begin += kernels::kAttentionRows) {
        a.rows = std::min(kernels::kAttentionRows, rows - a.row_begin);
        tiles_.push_back({a});
      }
    }
  }
}

void CpuAttention::attend_whole() {
  pool_.parallel_for(static_cast<int64_t>(tiles_.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      kernels::AttentionArgs args = tiles_[static_cast<size_t>(i)].args;
      args.scratch = scratch_of_thread(args.head_dim);
      kernel_.attend(args);
    }
  });
}

void CpuAttention::attend_in_parts(int64_t head_dim) {
  const auto partial_floats = [&](const kernels::AttentionArgs& args) {
    return kernels::attention_partial_floats(args.rows, head_dim);
  };
  int64_t floats = 0;
  for (const Tile& tile : tiles_) floats += blocks_of(tile.args) * partial_floats(tile.args);
  partials_.ensure(static_cast<size_t>(floats));
  float* next = partials_.data();
  parts_.clear();
  for (Tile& tile : tiles_) {
    tile.partials = next;
    next += blocks_of(tile.args) * partial_floats(tile.args);
    const int64_t end = kernels::attention_end_block(tile.args);
    for (int64_t block = kernels::attention_first_block(tile.args); block < end; block += kBlocksOfPart) {
      parts_.push_back({&tile, block, std::min(block + kBlocksOfPart, end)});
    }
  }
  pool_.parallel_for(static_cast<int64_t>(parts_.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Part& part = parts_[static_cast<size_t>(i)];
      kernels::AttentionArgs args = part.tile->args;
      args.scratch = scratch_of_thread(head_dim);
      const int64_t before = part.begin - kernels::attention_first_block(args);
      kernel_.attend_blocks(args, part.begin, part.end, part.tile->partials + before * partial_floats(args));
    }
  });
  pool_.parallel_for(static_cast<int64_t>(tiles_.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      kernels::AttentionArgs args = tiles_[static_cast<size_t>(i)].args;
      args.scratch = scratch_of_thread(head_dim);
      kernel_.merge_blocks(args, tiles_[static_cast<size_t>(i)].partials);
    }
  });
}

}  // namespace fptq
