#include "tokenizer/unicode_normalize.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "fptq/error.h"
#include "tokenizer/utf8.h"

namespace fptq {
namespace {

struct Range {
  char32_t first, last;
};

// Code points to which Unicode gave a combining class or a decomposition after version 9.
constexpr Range kInert[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xC3C, 0xC3C},
    {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},
    {0x32FF, 0x32FF},   {0xA7F2, 0xA7F4},   {0xA82C, 0xA82C},   {0xAB69, 0xAB69},   {0x10781, 0x10785},
    {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E},
    {0x11839, 0x1183A}, {0x11930, 0x11930}, {0x11935, 0x11935}, {0x11938, 0x11938}, {0x1193D, 0x1193E},
    {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99},
    {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1},
    {0x1E030, 0x1E06D}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF},
    {0x1E4EC, 0x1E4EF}, {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9}};

bool is_inert(char32_t c) {
  const auto* r = std::lower_bound(std::begin(kInert), std::end(kInert), c,
                                   [](const Range& range, char32_t value) { return range.last < value; });
  return r != std::end(kInert) && c >= r->first;
}

// True for starters that the form leaves alone and that never join what stands before them. Most text is
// made of these; only what they leave over needs the tables.
bool is_plain(char32_t c, bool nfc) {
  if (!nfc) return c < 0x80;
  return c < 0x300 || (c >= 0x400 && c <= 0x482) || (c >= 0x3400 && c <= 0x9FFF);
}

int combining_class(utf8proc_int32_t c) {
  return utf8proc_get_property(c)->combining_class;
}

class Segment {
 public:
  explicit Segment(NormalizationForm form)
      : options_(form == NormalizationForm::kNfkc || form == NormalizationForm::kNfkd
                     ? static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT)
                     : static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE)),
        compose_(form == NormalizationForm::kNfc || form == NormalizationForm::kNfkc) {}

  void add(char32_t c) {
    utf8proc_int32_t parts[32];  // the longest decomposition has 18
    int boundary = 0;
    const auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, 32, options_, &boundary);
    if (n < 0 || n > 32) throw Error(ErrorKind::kFailure, "", "utf8proc cannot decompose a code point");
    buffer_.insert(buffer_.end(), parts, parts + n);
  }

  void finish(std::string& out) {
    reorder();
    auto size = static_cast<utf8proc_ssize_t>(buffer_.size());
    if (compose_ && size > 1) {
      size = utf8proc_normalize_utf32(buffer_.data(), size,
                                      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    }
    for (utf8proc_ssize_t i = 0; i < size; ++i)
      append_utf8(out, static_cast<char32_t>(buffer_[static_cast<size_t>(i)]));
    buffer_.clear();
  }

 private:
  // Canonical ordering. utf8proc's own exchanges neighbours, which is quadratic in the length of a run of
  // marks.
  void reorder() {
    for (auto it = buffer_.begin(); it != buffer_.end();) {
      if (combining_class(*it) == 0) {
        ++it;
        continue;
      }
      const auto end = std::find_if(it, buffer_.end(), [](auto c) { return combining_class(c) == 0; });
      std::stable_sort(it, end, [](auto a, auto b) { return combining_class(a) < combining_class(b); });
      it = end;
    }
  }

  utf8proc_option_t options_;
  bool compose_;
  std::vector<utf8proc_int32_t> buffer_;
};

}  // namespace

void normalize_unicode(std::string& text, NormalizationForm form) {
  const bool nfc = form == NormalizationForm::kNfc;
  std::string out;
  Segment segment(form);
  size_t pos = 0;
  size_t copied = 0;  // everything before is in `out`
  while (pos < text.size()) {
    const size_t start = pos;
    const char32_t c = next_code_point(text, pos);
    size_t after = pos;
    const bool alone = after == text.size() || is_plain(next_code_point(text, after), nfc);
    if (is_plain(c, nfc) && alone) continue;
    out.append(text, copied, start - copied);
    // The segment: this code point and the ones behind it up to the next that starts afresh.
    for (char32_t member = c;;) {
      if (is_inert(member)) {
        segment.finish(out);
        append_utf8(out, member);
      } else {
        segment.add(member);
      }
      if (pos == text.size()) break;
      size_t next = pos;
      member = next_code_point(text, next);
      if (is_plain(member, nfc)) break;
      pos = next;
    }
    segment.finish(out);
    copied = pos;
  }
  if (copied == 0) return;
  out.append(text, copied);
  text = std::move(out);
}

}  // namespace fptq
