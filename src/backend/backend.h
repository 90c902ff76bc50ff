// The operations a transformer needs, on one device. Weights are packed for the device when they are loaded.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "tensor/linear_weights.h"
#include "tensor/packed_linear.h"

namespace fptq {

// One linear layer, loaded. Belongs to the backend that made it and must not outlive it.
class LoadedLinear {
 public:
  virtual ~LoadedLinear() = default;
  virtual int64_t rows() const = 0;
  virtual int64_t cols() const = 0;
  // Memory held beyond mapped files.
  virtual size_t resident_bytes() const = 0;
};

// kInt8: codes with one scale per head and position (scale = max|x| / 127.5). kFloat8: E4M3 without scales,
// up to +-448, as vLLM keeps it unless it is given some.
enum class KvType { kFloat, kHalf, kInt8, kFloat8 };

// Keys and values of one layer and one sequence. Grows as needed, in proportion to its length; copying is
// asked for by name, because it is large.
class LayerKv {
 public:
  virtual ~LayerKv() = default;
  virtual int64_t length() const = 0;
  // Keeps the first `length` positions.
  virtual void truncate(int64_t length) = 0;
  virtual size_t bytes() const = 0;
  // Becomes a copy of `other`, which a backend made for the same shape and type.
  virtual void copy_from(const LayerKv& other) = 0;
};

// One sequence's share of a batch: rows [begin, begin + count) of the activations are its tokens at positions
// kv->length() .. before the call.
struct AttentionSequence {
  int64_t begin = 0;
  int64_t count = 0;
  LayerKv* kv = nullptr;
};

struct AttentionShape {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t window = 0;  // 0: unlimited
};

// Not thread-safe: one call at a time; each call uses all threads of the pool. Activations are row-major
// float [tokens, width] in host memory. Results do not depend on the number of threads.
class Backend {
 public:
  virtual ~Backend() = default;

  // These two may be called by several threads at once.
  virtual std::unique_ptr<LoadedLinear> load_linear(LinearWeights weights) = 0;
  // Looks at `packed.image`, which stays where it is and outlives the layer; it was packed for this backend's
  // instruction set. Throws Error(kBadModel) when it is not of the size that the rest of `packed` asks for;
  // any bytes of that size are safe to run.
  virtual std::unique_ptr<LoadedLinear> load_packed(const PackedLinear& packed) = 0;
  virtual std::unique_ptr<LayerKv> make_kv(const AttentionShape& shape, KvType type) = 0;

  // y_i = linear_i(x) for layers that read the same input; the input is quantized once where they agree on
  // how. x [tokens, cols], y_i [tokens, rows_i].
  virtual void linear(std::span<const LoadedLinear* const> layers, const float* x, int64_t tokens,
                      std::span<float* const> y) = 0;
  // y[t] = table[ids[t]], dequantized where the table is of codes; ids are already checked against its rows.
  virtual void embed(const LinearWeights& table, std::span<const int32_t> ids, float* y) = 0;
  virtual void rms_norm(const float* x, std::span<const float> gamma, float eps, int64_t tokens,
                        float* y) = 0;
  virtual void silu_mul(const float* gate, const float* up, int64_t count, float* y) = 0;
  virtual void add(const float* x, int64_t count, float* y) = 0;
  // Rotates `heads` heads of each token; cos and sin are [tokens, head_dim / 2].
  virtual void rope(float* x, int64_t tokens, int64_t heads, int64_t head_dim, const float* cos,
                    const float* sin) = 0;
  // Appends k, v [tokens, kv_heads * head_dim] to each sequence's cache and attends; out [tokens, heads *
  // head_dim].
  virtual void attention(const AttentionShape& shape, std::span<const AttentionSequence> sequences,
                         const float* q, const float* k, const float* v, float* out) = 0;

  virtual ThreadPool& pool() = 0;
};

// The CPU backend on the active ISA (kernels/isa.h). `pool` must outlive it.
std::unique_ptr<Backend> make_cpu_backend(ThreadPool& pool);

}  // namespace fptq
