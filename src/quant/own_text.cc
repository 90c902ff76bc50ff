#include "quant/own_text.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/uniform.h"
#include "fptq/error.h"

namespace fptq {
namespace {

constexpr int64_t kTogether = 32;  // windows that are written at the same time

// Of the window with this index: the same whichever windows are written beside it.
std::mt19937_64 generator(uint64_t seed, int64_t window) {
  std::seed_seq mixed{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                      static_cast<uint32_t>(window)};
  return std::mt19937_64(mixed);
}

// One further id for each of `windows`.
void write_next(Model& model, std::span<const int32_t> allowed, std::span<std::vector<int32_t>> windows,
                std::vector<KvCache>& caches, std::span<std::mt19937_64> random, std::vector<float>& logits) {
  std::vector<SequenceInput> batch;
  for (size_t i = 0; i < windows.size(); ++i)
    batch.push_back({.ids = std::span(windows[i]).last(1), .cache = &caches[i]});
  model.forward(batch);
  const auto vocab = static_cast<size_t>(model.config().vocab_size);
  logits.resize(windows.size() * vocab);
  model.logits(model.hidden(), std::ssize(windows), logits.data());
  model.backend().pool().parallel_for(std::ssize(windows), 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      windows[i].push_back(draw_id(std::span(logits).subspan(i * vocab, vocab), allowed, random[i]));
  });
}

}  // namespace

int32_t draw_id(std::span<const float> logits, std::span<const int32_t> allowed, std::mt19937_64& random) {
  float most = -HUGE_VALF;
  for (const int32_t id : allowed) {
    const float value = logits[static_cast<size_t>(id)];
    if (!std::isfinite(value))
      throw Error(ErrorKind::kFailure, "logits", "the model produced values that are not finite");
    most = std::max(most, value);
  }
  std::vector<float> weights(allowed.size());
  double total = 0;
  for (size_t i = 0; i < allowed.size(); ++i) {
    weights[i] = std::exp(logits[static_cast<size_t>(allowed[i])] - most);
    total += weights[i];
  }
  double left = draw_fraction(random) * total;
  for (size_t i = 0; i < allowed.size(); ++i) {
    left -= weights[i];
    if (left < 0) return allowed[i];
  }
  return allowed.back();
}

TokenWindows write_windows(Model& model, std::span<const int32_t> allowed, const CalibrationOptions& options,
                           Progress& progress) {
  const int64_t count = windows_wanted(options), length = options.seqlen;
  TokenWindows windows(static_cast<size_t>(count));
  std::vector<float> logits;
  progress.begin("write", count * length);
  int64_t done = 0;
  for (int64_t first = 0; first < count; first += kTogether) {
    const int64_t together = std::min(kTogether, count - first);
    const std::span part(windows.begin() + first, static_cast<size_t>(together));
    std::vector<KvCache> caches;
    std::vector<std::mt19937_64> random;
    for (int64_t i = 0; i < together; ++i) {
      caches.push_back(model.make_cache(KvType::kHalf));
      random.push_back(generator(options.seed, first + i));
      part[static_cast<size_t>(i)].push_back(allowed[draw_below(random.back(), allowed.size())]);
    }
    done += together;
    for (int64_t t = 1; t < length; ++t) {
      write_next(model, allowed, part, caches, random, logits);
      progress.update(done += together, "the model's own text");
    }
  }
  progress.end();
  return windows;
}

}  // namespace fptq
