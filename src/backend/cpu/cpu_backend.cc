#include <algorithm>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/cpu_attention.h"
#include "backend/cpu/cpu_linear.h"
#include "backend/cpu/kv_cache.h"
#include "backend/cpu/round_activations.h"
#include "kernels/float_ops/float_ops.h"
#include "kernels/quantize_activations/quantize_activations.h"

namespace fptq {
namespace {

// Tokens a task takes in the cheap per-token operations: large enough to hide a task's overhead, small enough
// to balance two threads.
constexpr int64_t kTokenGrain = 16;
constexpr int64_t kElementGrain = 1 << 14;
// A linear layer reads its weights once up to so many tokens; each thread then does it in about so many
// stretches, few enough for the memory's sake, enough for a slow thread to leave some to the others.
constexpr int64_t kFewTokens = 8;
constexpr int64_t kStretches = 4;

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(ThreadPool& pool)
      : pool_(pool),
        isa_(kernels::active_isa()),
        ops_(kernels::float_ops(isa_)),
        quantize_(kernels::quantize_activations(isa_)),
        attention_(pool, isa_) {}

  ThreadPool& pool() override { return pool_; }

  std::unique_ptr<LoadedLinear> load_linear(LinearWeights weights) override {
    return make_cpu_linear(std::move(weights), isa_);
  }

  std::unique_ptr<LoadedLinear> load_packed(const PackedLinear& packed) override {
    return make_cpu_linear(packed, isa_);
  }

  std::unique_ptr<LayerKv> make_kv(const AttentionShape& shape, KvType type) override {
    return std::make_unique<CpuLayerKv>(shape, type, quantize_);
  }

  void linear(std::span<const LoadedLinear* const> layers, const float* x, int64_t tokens,
              std::span<float* const> y) override {
    // Layers that read the input in the same form run together as one list of panels.
    std::vector<bool> done(layers.size(), false);
    for (size_t first = 0; first < layers.size(); ++first) {
      if (done[first]) continue;
      const auto& leader = static_cast<const CpuLinear&>(*layers[first]);
      panels_.clear();
      for (size_t i = first; i < layers.size(); ++i) {
        const auto& layer = static_cast<const CpuLinear&>(*layers[i]);
        if (done[i] || !same_input(layer, leader)) continue;
        done[i] = true;
        for (int64_t p = 0; p < layer.panels(); ++p) panels_.push_back({&layer, p, y[i]});
      }
      const float* input = x;
      if (leader.input() != nullptr) {
        quantize_input(*leader.input(), leader.activation(), x, tokens);
      } else if (leader.activation().mode != ActivationMode::kFloat) {
        input = round_input(leader.activation(), leader.cols(), x, tokens);
      }
      // Panels are independent: how many are in a chunk changes no result.
      const auto panels = static_cast<int64_t>(panels_.size());
      const int64_t grain = tokens <= kFewTokens ? panels / (kStretches * pool_.threads()) : 1;
      pool_.parallel_for(panels, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const Panel& panel = panels_[static_cast<size_t>(i)];
          panel.layer->run(panel.index, input, quantized_, tokens, panel.y);
        }
      });
    }
  }

  void embed(const LinearWeights& table, std::span<const int32_t> ids, float* y) override {
    const int64_t width = table.cols;
    pool_.parallel_for(static_cast<int64_t>(ids.size()), kTokenGrain, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        table.decode_row(ids[static_cast<size_t>(t)], y + t * width);
      }
    });
  }

  void rms_norm(const float* x, std::span<const float> gamma, float eps, int64_t tokens, float* y) override {
    const auto width = static_cast<int64_t>(gamma.size());
    pool_.parallel_for(tokens, kTokenGrain, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t)
        ops_.rms_norm(x + t * width, gamma.data(), eps, width, y + t * width);
    });
  }

  void silu_mul(const float* gate, const float* up, int64_t count, float* y) override {
    pool_.parallel_for(count, kElementGrain, [&](int64_t begin, int64_t end) {
      ops_.silu_mul(gate + begin, up + begin, end - begin, y + begin);
    });
  }

  void add(const float* x, int64_t count, float* y) override {
    pool_.parallel_for(count, kElementGrain,
                       [&](int64_t begin, int64_t end) { ops_.add(x + begin, end - begin, y + begin); });
  }

  void rope(float* x, int64_t tokens, int64_t heads, int64_t head_dim, const float* cos,
            const float* sin) override {
    const int64_t half = head_dim / 2;
    pool_.parallel_for(tokens, kTokenGrain, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t h = 0; h < heads; ++h) {
          ops_.rope(x + (t * heads + h) * head_dim, cos + t * half, sin + t * half, half);
        }
      }
    });
  }

  void attention(const AttentionShape& shape, std::span<const AttentionSequence> sequences, const float* q,
                 const float* k, const float* v, float* out) override {
    attention_.run(shape, sequences, q, k, v, out);
  }

 private:
  struct Panel {
    const CpuLinear* layer;
    int64_t index;
    float* y;
  };

  static bool same_input(const CpuLinear& a, const CpuLinear& b) {
    if ((a.input() == nullptr) != (b.input() == nullptr)) return false;
    if (a.activation().mode == ActivationMode::kFloat) return b.activation().mode == ActivationMode::kFloat;
    return a.activation() == b.activation() && (a.input() == nullptr || *a.input() == *b.input());
  }

  // x [tokens, width] as float layers with quantized inputs see it.
  const float* round_input(const ActivationSpec& spec, int64_t width, const float* x, int64_t tokens) {
    rounded_.ensure(static_cast<size_t>(tokens * width));
    pool_.parallel_for(tokens, 1, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t)
        round_activations(spec, x + t * width, width, rounded_.data() + t * width);
    });
    return rounded_.data();
  }

  // x [tokens, inputs] into quantized_, tile by tile.
  void quantize_input(const kernels::IntInputLayout& layout, const ActivationSpec& spec, const float* x,
                      int64_t tokens) {
    quantized_.reshape(layout, tokens, !spec.symmetric);
    const int64_t width = layout.inputs, height = quantized_.height();
    pool_.parallel_for(quantized_.tiles(), 1, [&](int64_t begin, int64_t end) {
      thread_local AlignedBuffer<int8_t> codes;
      codes.ensure(static_cast<size_t>(height * width));
      for (int64_t tile = begin; tile < end; ++tile) {
        for (int64_t row = 0; row < quantized_.tile_rows(tile); ++row) {
          const int64_t t = tile * height + row;
          quantize_row(spec, x + t * width, width, codes.data() + row * width, quantized_.scales() + t,
                       quantized_.zeros() + t);
        }
        quantized_.fill(tile, codes.data());
      }
    });
  }

  // `zero` is written where the specification is asymmetric.
  void quantize_row(const ActivationSpec& spec, const float* x, int64_t width, int8_t* codes, float* scale,
                    int32_t* zero) const {
    if (spec.mode == ActivationMode::kStaticTensor) {
      *scale = spec.scale;
      if (!spec.symmetric) *zero = spec.zero_point;
      quantize_.static_tensor(x, width, spec.scale, spec.symmetric ? 0 : spec.zero_point, codes);
    } else if (spec.symmetric) {
      quantize_.token(x, width, codes, scale);
    } else {
      quantize_.token_asymmetric(x, width, codes, scale, zero);
    }
  }

  ThreadPool& pool_;
  kernels::Isa isa_;
  const kernels::FloatOps& ops_;
  const kernels::QuantizeActivations& quantize_;
  CpuAttention attention_;
  std::vector<Panel> panels_;
  kernels::IntActivations quantized_;
  AlignedBuffer<float> rounded_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(ThreadPool& pool) {
  return std::make_unique<CpuBackend>(pool);
}

}  // namespace fptq
