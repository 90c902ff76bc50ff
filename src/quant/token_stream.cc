#include "quant/token_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "fptq/error.h"

namespace fptq {
namespace {

// A batch closes before it would hold more tokens: a GEMM of this height runs at full speed, and more only
// costs memory.
constexpr int64_t kBatchTokens = 2048;

void check_window(const std::vector<int32_t>& window, size_t index, const ModelConfig& config,
                  const char* name) {
  if (window.empty()) throw Error(ErrorKind::kUsage, name, fmt::format("window {} is empty", index));
  for (const int32_t id : window) {
    if (id >= 0 && id < config.vocab_size) continue;
    throw Error(
        ErrorKind::kUsage, name,
        fmt::format("window {} has id {}, outside the vocabulary of {}", index, id, config.vocab_size));
  }
}

}  // namespace

TokenStream::TokenStream(Backend& backend, const ModelConfig& config,
                         const std::vector<std::vector<int32_t>>& windows, const char* name)
    : backend_(backend), config_(config), windows_(windows), rope_(config) {
  for (size_t i = 0; i < windows.size(); ++i) {
    check_window(windows[i], i, config, name);
    const auto count = static_cast<int64_t>(windows[i].size());
    if (batches_.empty() || batches_.back().tokens + count > kBatchTokens)
      batches_.push_back({i, 0, tokens_, 0});
    ++batches_.back().windows;
    batches_.back().tokens += count;
    tokens_ += count;
  }
}

std::vector<int64_t> TokenStream::window_tokens() const {
  std::vector<int64_t> counts;
  for (const std::vector<int32_t>& window : windows_) counts.push_back(std::ssize(window));
  return counts;
}

AlignedBuffer<float> TokenStream::embed(const LinearWeights& table) const {
  AlignedBuffer<float> hidden(hidden_values());
  float* y = hidden.data();
  for (const std::vector<int32_t>& window : windows_) {
    backend_.embed(table, window, y);
    y += static_cast<int64_t>(window.size()) * config_.hidden_size;
  }
  return hidden;
}

void TokenStream::run(const Block& block, int64_t layer, KvType kv, float* hidden, Tap* tap,
                      const std::function<void()>& after_batch) {
  for (const Batch& batch : batches_) {
    pass(batch, block, layer, kv, hidden + batch.first_token * config_.hidden_size, tap);
    after_batch();
  }
}

void TokenStream::look(const Block& block, int64_t layer, const float* hidden, Tap& tap,
                       const std::function<void()>& after_batch) {
  for (const Batch& batch : batches_) {
    look_at(batch, block, layer, hidden, tap);
    after_batch();
  }
}

void TokenStream::run_and_look(const Block& block, int64_t layer, float* original, Tap& originals,
                               const float* hidden, Tap& tap, const std::function<void()>& after_batch) {
  for (const Batch& batch : batches_) {
    pass(batch, block, layer, KvType::kFloat, original + batch.first_token * config_.hidden_size, &originals);
    look_at(batch, block, layer, hidden, tap);
    after_batch();
  }
}

void TokenStream::look_at(const Batch& batch, const Block& block, int64_t layer, const float* hidden,
                          Tap& tap) {
  const auto values = static_cast<size_t>(batch.tokens * config_.hidden_size);
  looked_at_.ensure(values);
  std::copy_n(hidden + batch.first_token * config_.hidden_size, values, looked_at_.data());
  pass(batch, block, layer, KvType::kFloat, looked_at_.data(), &tap);
}

void TokenStream::pass(const Batch& batch, const Block& block, int64_t layer, KvType kv, float* hidden,
                       Tap* tap) {
  const AttentionShape shape{config_.num_heads, config_.num_kv_heads, config_.head_dim,
                             config_.window(layer)};
  std::vector<std::unique_ptr<LayerKv>> caches;
  std::vector<AttentionSequence> sequences;
  int64_t begin = 0;
  for (size_t i = 0; i < batch.windows; ++i) {
    const auto count = static_cast<int64_t>(windows_[batch.first_window + i].size());
    caches.push_back(backend_.make_kv(shape, kv));
    sequences.push_back({begin, count, caches.back().get()});
    begin += count;
  }
  forward_block(backend_, config_, rope_, block, layer, sequences, hidden, batch.tokens, scratch_, tap);
}

}  // namespace fptq
