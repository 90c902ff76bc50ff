#include "quant/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/hash.h"
#include "base/uniform.h"
#include "fptq/error.h"
#include "quant/calibration_text.h"

namespace fptq {
namespace {

constexpr int64_t kMaxSamples = 65536;
constexpr int64_t kMaxTokens = 1 << 22;
// The head of a long text is tokenized in pieces that double. The ids of a piece are those of the whole text
// except near its cut; so many further ids must follow the last one that is used.
constexpr size_t kFirstPiece = size_t{1} << 20;
constexpr size_t kMarginIds = 4096;
// Windows at random places need all ids of a text.
constexpr size_t kMaxDrawnText = size_t{256} << 20;

[[noreturn]] void usage(const std::string& where, const std::string& what, const std::string& fix = {}) {
  throw Error(ErrorKind::kUsage, where, what, fix);
}

std::vector<int32_t> ids_of_text(const CalibrationText& text, const Tokenizer& tokenizer, size_t wanted) {
  size_t bytes = kFirstPiece;
  while (true) {
    std::vector<int32_t> ids = tokenizer.encode(text.plain(bytes));
    if (bytes >= text.plain_size()) return ids;
    if (ids.size() >= wanted + kMarginIds) {
      ids.resize(wanted);
      return ids;
    }
    bytes *= 2;
  }
}

std::vector<int32_t> ids_of_documents(const CalibrationText& text, const Tokenizer& tokenizer,
                                      size_t wanted) {
  std::vector<int32_t> ids;
  text.each_document([&](const std::string& document) {
    const std::vector<int32_t> more = tokenizer.encode(document);
    ids.insert(ids.end(), more.begin(), more.end());
    return ids.size() < wanted;
  });
  return ids;
}

std::vector<int32_t> ids_of_file(const CalibrationOptions& options, const Tokenizer& tokenizer,
                                 const ModelConfig& config) {
  const CalibrationText text(options.source);
  if (options.draw_at_random && text.plain_size() > kMaxDrawnText) {
    usage(options.source,
          fmt::format("has {} bytes, windows at random places take at most {}", text.plain_size(),
                      kMaxDrawnText),
          "calibrate from the head of the file, or give an excerpt");
  }
  const size_t wanted =
      options.draw_at_random ? kMaxDrawnText : static_cast<size_t>(windows_wanted(options) * options.seqlen);
  const std::vector<int32_t> ids =
      text.is_json() ? ids_of_documents(text, tokenizer, wanted) : ids_of_text(text, tokenizer, wanted);
  for (const int32_t id : ids) {
    if (id >= 0 && id < config.vocab_size) continue;
    throw Error(ErrorKind::kBadModel, options.source,
                fmt::format("tokenizes to id {}, but the model's vocabulary has {}", id, config.vocab_size),
                "tokenizer and model do not belong together");
  }
  if (static_cast<int64_t>(ids.size()) < options.seqlen) {
    usage(options.source,
          fmt::format("has {} tokens, fewer than one window of {}", ids.size(), options.seqlen),
          "use a longer text or a smaller --seqlen");
  }
  return ids;
}

}  // namespace

std::vector<int32_t> ordinary_ids(const Tokenizer& tokenizer, const ModelConfig& config) {
  std::vector<int32_t> ids;
  const int64_t n = std::min(tokenizer.vocab_size(), config.vocab_size);
  for (int32_t id = 0; id < n; ++id) {
    if (!tokenizer.is_special(id) && !tokenizer.id_to_token(id).empty()) ids.push_back(id);
  }
  if (ids.empty())
    throw Error(ErrorKind::kBadModel, "tokenizer", "has no ids but special ones to calibrate with");
  return ids;
}

int64_t CalibrationData::tokens() const {
  int64_t n = 0;
  for (const std::vector<int32_t>& window : windows) n += static_cast<int64_t>(window.size());
  return n;
}

void check_calibration(const CalibrationOptions& o, const ModelConfig& config) {
  if (windows_wanted(o) < 1 || windows_wanted(o) > kMaxSamples) {
    usage("nsamples", fmt::format("is {}, expected 1 to {}", windows_wanted(o), kMaxSamples));
  }
  if (o.seqlen < 2 || o.seqlen > config.max_position) {
    usage("seqlen", fmt::format("is {}, expected 2 to {}, the longest sequence of the model", o.seqlen,
                                config.max_position));
  }
  if (o.seqlen > kMaxTokens / windows_wanted(o)) {
    usage("nsamples", fmt::format("times seqlen is {} x {}, expected at most {} tokens", windows_wanted(o),
                                  o.seqlen, kMaxTokens));
  }
}

TokenWindows cut_windows(std::span<const int32_t> ids, const CalibrationOptions& options) {
  TokenWindows windows;
  const auto length = static_cast<size_t>(options.seqlen);
  if (ids.size() < length) return windows;
  std::mt19937_64 random(options.seed);
  const size_t whole = ids.size() / length;
  const size_t count = options.draw_at_random ? static_cast<size_t>(windows_wanted(options))
                                              : std::min(whole, static_cast<size_t>(windows_wanted(options)));
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = options.draw_at_random ? draw_below(random, ids.size() - length + 1) : i * length;
    const auto window = ids.subspan(begin, length);
    windows.emplace_back(window.begin(), window.end());
  }
  return windows;
}

TokenWindows draw_windows(std::span<const int32_t> allowed, const CalibrationOptions& options) {
  std::mt19937_64 random(options.seed);
  TokenWindows windows(static_cast<size_t>(windows_wanted(options)));
  for (std::vector<int32_t>& window : windows) {
    window.resize(static_cast<size_t>(options.seqlen));
    for (int32_t& id : window) id = allowed[draw_below(random, allowed.size())];
  }
  return windows;
}

CalibrationData load_calibration(const CalibrationOptions& options, const Tokenizer& tokenizer,
                                 const ModelConfig& config) {
  check_calibration(options, config);
  CalibrationData data;
  if (options.source == kRandomIds) {
    data.windows = draw_windows(ordinary_ids(tokenizer, config), options);
    return data;
  }
  data.windows = cut_windows(ids_of_file(options, tokenizer, config), options);
  if (static_cast<int64_t>(data.windows.size()) < windows_wanted(options)) {
    data.warnings.push_back(fmt::format("{} has {} windows of {} tokens, {} were asked for", options.source,
                                        data.windows.size(), options.seqlen, windows_wanted(options)));
  }
  return data;
}

std::string fingerprint(const TokenWindows& windows) {
  Hasher hasher;
  for (const std::vector<int32_t>& window : windows) {
    const auto size = static_cast<uint64_t>(window.size());
    hasher.add(std::as_bytes(std::span(&size, 1))).add(std::as_bytes(std::span(window)));
  }
  return hasher.hex();
}

}  // namespace fptq
