#include <algorithm>

#include "tokenizer/tokenizer.h"
#include "tokenizer/utf8.h"

namespace fptq {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
// A code point has at most four bytes, so after this many tokens what waits is not one that is split.
constexpr size_t kMostWaiting = 4;

}  // namespace

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer) : tokenizer_(std::move(tokenizer)) {}

std::string StreamDecoder::put(int32_t id) {
  if (tokenizer_->is_special(id)) return {};
  window_.push_back(id);
  // What an id adds to a text depends on the ids before it (a space at the start is dropped, bytes join), so
  // both texts are decoded from the same first id.
  std::string text = tokenizer_->decode(window_);
  waits_ = text.ends_with(kReplacement) ? waits_ + 1 : 0;
  if ((waits_ > 0 && waits_ < kMostWaiting) || text.size() <= shown_.size()) return {};
  waits_ = 0;
  // Lossy, because bytes that were shown as U+FFFD may by now be the beginning of a code point.
  std::string fresh = utf8_lossy(std::string_view(text).substr(shown_.size()));
  window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(shown_ids_));
  shown_ids_ = window_.size();
  shown_ = tokenizer_->decode(window_);
  return fresh;
}

std::string StreamDecoder::flush() {
  const std::string text = tokenizer_->decode(window_);
  std::string rest = utf8_lossy(std::string_view(text).substr(std::min(shown_.size(), text.size())));
  window_.clear();
  shown_ids_ = 0;
  waits_ = 0;
  shown_.clear();
  return rest;
}

}  // namespace fptq
