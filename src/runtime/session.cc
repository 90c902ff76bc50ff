#include "runtime/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "fptq/error.h"

namespace fptq {
namespace {

// Prompts pass in pieces of this many tokens, so that scratch memory does not grow with the prompt.
constexpr int64_t kPrefillChunk = 512;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Text on its way to the reader, minus what might turn out to be a stop text.
class StopFilter {
 public:
  explicit StopFilter(const std::vector<std::string>& stops) : stops_(stops) {}

  // True when a stop text is complete; release() then holds what came before it.
  bool add(const std::string& piece) {
    pending_ += piece;
    size_t cut = std::string::npos;
    for (const std::string& stop : stops_) {
      if (!stop.empty()) cut = std::min(cut, pending_.find(stop));
    }
    if (cut != std::string::npos) {
      ready_ += pending_.substr(0, cut);
      pending_.clear();
      return true;
    }
    const size_t hold = held_back();
    ready_ += pending_.substr(0, pending_.size() - hold);
    pending_.erase(0, pending_.size() - hold);
    return false;
  }
  std::string release() { return std::exchange(ready_, {}); }
  std::string release_all() { return release() + std::exchange(pending_, {}); }

 private:
  // Length of the longest end of pending_ that begins a stop text.
  size_t held_back() const {
    size_t longest = 0;
    for (const std::string& stop : stops_) {
      for (size_t n = std::min(stop.size(), pending_.size()); n > longest; --n) {
        if (pending_.compare(pending_.size() - n, n, stop, 0, n) == 0) longest = n;
      }
    }
    return longest;
  }

  const std::vector<std::string>& stops_;
  std::string pending_, ready_;
};

}  // namespace

Session::Session(Model& model, std::shared_ptr<const Tokenizer> tokenizer, const SessionOptions& options)
    : model_(model), tokenizer_(std::move(tokenizer)), options_(options) {
  options_.sampling.validate();
  if (options_.max_new_tokens < 0) {
    throw Error(ErrorKind::kUsage, "--max-new-tokens",
                fmt::format("{} is not a number >= 0", options_.max_new_tokens));
  }
}

SessionResult Session::run(std::span<const int32_t> prompt,
                           const std::function<bool(const std::string&)>& on_text) {
  const ModelConfig& config = model_.config();
  const auto length = static_cast<int64_t>(prompt.size());
  if (length == 0) throw Error(ErrorKind::kUsage, "prompt", "is empty", "give at least one token of text");
  if (length > config.max_position) {
    throw Error(ErrorKind::kUsage, "prompt",
                fmt::format("has {} tokens, the model's maximum is {}", length, config.max_position));
  }
  SessionResult result;
  KvCache cache = model_.make_cache(options_.kv);
  Sampler sampler(options_.sampling);
  StreamDecoder decoder(tokenizer_);
  StopFilter filter(options_.stop);
  std::vector<int32_t> seen(prompt.begin(), prompt.end());
  AlignedBuffer<float> logits(static_cast<size_t>(config.vocab_size));

  // Runs ids through the model and leaves the logits of the last one.
  const auto feed = [&](std::span<const int32_t> ids) {
    const SequenceInput input{ids, &cache};
    model_.forward(std::span(&input, 1));
    const auto last = static_cast<int64_t>(ids.size()) - 1;
    return model_.hidden() + last * config.hidden_size;
  };
  const auto deliver = [&](const std::string& text) {
    result.text += text;
    return text.empty() || !on_text || on_text(text);
  };

  double start = now();
  const float* hidden = nullptr;
  for (int64_t at = 0; at < length; at += kPrefillChunk) {
    hidden = feed(
        prompt.subspan(static_cast<size_t>(at), static_cast<size_t>(std::min(kPrefillChunk, length - at))));
  }
  model_.logits(hidden, 1, logits.data());
  result.prefill_seconds = now() - start;

  start = now();
  const int64_t room = std::min(options_.max_new_tokens, config.max_position - length);
  for (int64_t n = 0; n < room; ++n) {
    const int32_t id = sampler.sample(logits, seen);
    if (!options_.ignore_eos && std::ranges::find(config.eos_ids, id) != config.eos_ids.end()) {
      result.stopped = true;
      break;
    }
    result.ids.push_back(id);
    seen.push_back(id);
    const bool stop_text = filter.add(decoder.put(id));
    if (!deliver(filter.release()) || stop_text) {
      result.stopped = true;
      result.decode_seconds = now() - start;
      return result;
    }
    if (n + 1 < room) model_.logits(feed(std::span(&seen.back(), 1)), 1, logits.data());
  }
  result.decode_seconds = now() - start;
  filter.add(decoder.flush());
  deliver(filter.release_all());
  return result;
}

}  // namespace fptq
