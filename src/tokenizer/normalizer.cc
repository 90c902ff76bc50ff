#include "tokenizer/normalizer.h"

#include <memory>

#include "tokenizer/byte_level.h"
#include "tokenizer/json_parts.h"
#include "tokenizer/text_replace.h"
#include "tokenizer/unicode_classes.h"
#include "tokenizer/unicode_normalize.h"
#include "tokenizer/utf8.h"

namespace fptq {
namespace {

using Step = std::function<void(std::string&)>;

// `map(c, out)` appends what becomes of the code point.
template <typename Map>
Step each_code_point(Map map) {
  return [map](std::string& text) {
    std::string out;
    out.reserve(text.size());
    for (size_t pos = 0; pos < text.size();) map(next_code_point(text, pos), out);
    text = std::move(out);
  };
}

Step form(NormalizationForm f) {
  return [f](std::string& text) { normalize_unicode(text, f); };
}

Step strip(bool left, bool right) {
  return [left, right](std::string& text) {
    size_t begin = 0;
    size_t end = text.size();
    while (left && begin < end) {
      size_t next = begin;
      if (!is_white_space(next_code_point(text, next))) break;
      begin = next;
    }
    while (right && end > begin) {
      const size_t previous = previous_code_point(text, end);
      size_t pos = previous;
      if (!is_white_space(next_code_point(text, pos))) break;
      end = previous;
    }
    text = text.substr(begin, end - begin);
  };
}

// SentencePiece's rules for neural machine translation: control characters go, odd spaces become spaces.
void nmt(char32_t c, std::string& out) {
  const bool dropped = (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F ||
                       c == 0x8F || c == 0x9F;
  if (dropped) return;
  const bool space = c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
                     (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                     c == 0xFEFF || c == 0xFFFD;
  append_utf8(out, space ? U' ' : c);
}

Step read_step(const std::string& type, const Json& part, const std::string& where) {
  if (type == "NFC") return form(NormalizationForm::kNfc);
  if (type == "NFD") return form(NormalizationForm::kNfd);
  if (type == "NFKC") return form(NormalizationForm::kNfkc);
  if (type == "NFKD") return form(NormalizationForm::kNfkd);
  if (type == "Lowercase") return each_code_point([](char32_t c, std::string& out) { append_lower(out, c); });
  if (type == "Nmt") return each_code_point(nmt);
  if (type == "StripAccents") {
    return each_code_point([](char32_t c, std::string& out) {
      if (!is_mark(c)) append_utf8(out, c);
    });
  }
  if (type == "Strip") {
    return strip(json_bool(part, "strip_left", where, false), json_bool(part, "strip_right", where, false));
  }
  if (type == "Prepend") {
    return [prefix = json_string(part, "prepend", where)](std::string& text) {
      if (!text.empty()) text.insert(0, prefix);
    };
  }
  if (type == "Replace") {
    const auto replace = std::make_shared<const TextReplace>(part, where);
    return [replace](std::string& text) {
      std::string out;
      replace->append(text, out);
      text = std::move(out);
    };
  }
  if (type == "ByteLevel") {
    return [](std::string& text) {
      std::string out;
      append_byte_level(out, text);
      text = std::move(out);
    };
  }
  refuse_part(
      type, where,
      "NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace, Prepend, Nmt, ByteLevel, Sequence");
}

}  // namespace

Normalizer::Normalizer(const Json* json, const std::string& where) {
  for_each_part(json, "normalizers", where,
                [&](const std::string& type, const Json& part, const std::string& place) {
                  steps_.push_back(read_step(type, part, place));
                });
}

}  // namespace fptq
