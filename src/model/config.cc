#include "model/config.h"

#include <fmt/format.h>

#include <cmath>

#include "fptq/error.h"

namespace fptq {
namespace {

// Far above every known model, and small enough that products of a few of them fit 64 bits.
constexpr int64_t kMaxWidth = int64_t{1} << 20;
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxHeads = 1 << 14;
constexpr int64_t kMaxHeadDim = 1 << 12;
constexpr int64_t kMaxVocabulary = 1 << 24;
constexpr int64_t kMaxPosition = (int64_t{1} << 31) - 1;

class Checker {
 public:
  explicit Checker(const std::string& where) : where_(where) {}

  [[noreturn]] void fail(const char* field, const std::string& what) const {
    throw Error(ErrorKind::kBadModel, where_ + ":" + field, what);
  }
  void range(const char* field, int64_t v, int64_t low, int64_t high) const {
    if (v < low || v > high) fail(field, fmt::format("expected {} to {}, found {}", low, high, v));
  }
  void positive(const char* field, double v) const {
    if (!(v > 0) || !std::isfinite(v))
      fail(field, fmt::format("expected a finite number above 0, found {}", v));
  }

 private:
  const std::string& where_;
};

void check_rope(const RopeConfig& rope, int64_t head_dim, const Checker& check) {
  check.positive("rope_theta", rope.theta);
  if (!rope.frequency_factors.empty()) {
    if (static_cast<int64_t>(rope.frequency_factors.size()) != head_dim / 2) {
      check.fail("rope_freqs.weight",
                 fmt::format("expected {} factors, found {}", head_dim / 2, rope.frequency_factors.size()));
    }
    for (const float f : rope.frequency_factors) check.positive("rope_freqs.weight", f);
  }
  if (rope.scaling == RopeScaling::kNone) return;
  check.positive("rope_scaling.factor", rope.factor);
  if (rope.scaling == RopeScaling::kLinear) return;
  check.range("rope_scaling.original_max_position_embeddings", rope.original_max_position, 1, kMaxPosition);
  if (rope.scaling == RopeScaling::kLlama3) {
    check.positive("rope_scaling.low_freq_factor", rope.low_freq_factor);
    check.positive("rope_scaling.high_freq_factor", rope.high_freq_factor);
    if (rope.high_freq_factor <= rope.low_freq_factor) {
      check.fail("rope_scaling.high_freq_factor",
                 fmt::format("expected more than low_freq_factor {}, found {}", rope.low_freq_factor,
                             rope.high_freq_factor));
    }
    return;
  }
  check.positive("rope_scaling.beta_fast", rope.beta_fast);
  check.positive("rope_scaling.beta_slow", rope.beta_slow);
  if (rope.attention_factor != 0) check.positive("rope_scaling.attention_factor", rope.attention_factor);
  if (rope.mscale != 0) check.positive("rope_scaling.mscale", rope.mscale);
  if (rope.mscale_all_dim != 0) check.positive("rope_scaling.mscale_all_dim", rope.mscale_all_dim);
}

}  // namespace

void ModelConfig::validate(const std::string& where) const {
  const Checker check(where);
  check.range("hidden_size", hidden_size, 1, kMaxWidth);
  check.range("intermediate_size", intermediate_size, 1, kMaxWidth);
  check.range("num_hidden_layers", num_layers, 1, kMaxLayers);
  check.range("num_attention_heads", num_heads, 1, kMaxHeads);
  check.range("num_key_value_heads", num_kv_heads, 1, num_heads);
  if (num_heads % num_kv_heads != 0) {
    check.fail("num_key_value_heads",
               fmt::format("{} key/value heads do not divide {} attention heads", num_kv_heads, num_heads));
  }
  check.range("head_dim", head_dim, 2, kMaxHeadDim);
  if (head_dim % 2 != 0) {
    check.fail("head_dim", fmt::format("expected an even number (rotary pairs), found {}", head_dim));
  }
  check.range("vocab_size", vocab_size, 1, kMaxVocabulary);
  check.range("max_position_embeddings", max_position, 1, kMaxPosition);
  check.positive("rms_norm_eps", rms_norm_eps);
  check_rope(rope, head_dim, check);
  check.range("sliding_window", sliding_window, 0, kMaxPosition);
  if (!layer_is_windowed.empty() && static_cast<int64_t>(layer_is_windowed.size()) != num_layers) {
    check.fail("layer_types",
               fmt::format("expected {} entries, found {}", num_layers, layer_is_windowed.size()));
  }
  for (const int32_t id : eos_ids) check.range("eos_token_id", id, 0, kMaxVocabulary);
  check.range("bos_token_id", bos_id, -1, kMaxVocabulary);
}

}  // namespace fptq
