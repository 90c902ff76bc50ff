#include "tokenizer/decoder.h"

#include <charconv>
#include <memory>

#include "fptq/error.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/json_parts.h"
#include "tokenizer/metaspace.h"
#include "tokenizer/text_replace.h"
#include "tokenizer/utf8.h"

namespace fptq {
namespace {

using Step = std::function<StringList(StringList)>;

StringList fuse(StringList tokens) {
  StringList out;
  out.add(std::move(tokens).joined());
  return out;
}

StringList byte_level(StringList tokens) {
  std::string bytes;
  for (size_t i = 0; i < tokens.size(); ++i) append_bytes_of_byte_level(bytes, tokens[i]);
  StringList out;
  out.add(is_valid_utf8(bytes) ? std::move(bytes) : utf8_lossy(bytes));
  return out;
}

// The byte of "<0x41>", or -1.
int fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
  const std::string_view digits =
      token.substr(token[3] == '+' ? 4 : 3, token[3] == '+' ? 1 : 2);  // Rust takes "+A" too
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return error == std::errc() && end == digits.data() + digits.size() ? static_cast<int>(value) : -1;
}

// A run of byte tokens is one string when it is valid as a whole, otherwise one U+FFFD for each byte.
StringList byte_fallback(StringList tokens) {
  StringList out;
  std::string run;
  const auto end_run = [&] {
    if (run.empty()) return;
    if (is_valid_utf8(run)) {
      out.add(run);
    } else {
      for (size_t i = 0; i < run.size(); ++i) {
        append_utf8(out.bytes(), kReplacementCharacter);
        out.close();
      }
    }
    run.clear();
  };
  for (size_t i = 0; i < tokens.size(); ++i) {
    const int byte = fallback_byte(tokens[i]);
    if (byte >= 0) {
      run.push_back(static_cast<char>(byte));
    } else {
      end_run();
      out.add(tokens[i]);
    }
  }
  end_run();
  return out;
}

Step strip(std::string content, int64_t start, int64_t stop) {
  return [content, start, stop](StringList tokens) {
    StringList out;
    for (size_t i = 0; i < tokens.size(); ++i) {
      std::string_view token = tokens[i];
      for (int64_t n = 0; n < start && token.starts_with(content); ++n) token.remove_prefix(content.size());
      for (int64_t n = 0; n < stop && token.ends_with(content); ++n) token.remove_suffix(content.size());
      out.add(token);
    }
    return out;
  };
}

Step replace(std::shared_ptr<const TextReplace> how) {
  return [how](StringList tokens) {
    StringList out;
    for (size_t i = 0; i < tokens.size(); ++i) {
      how->append(tokens[i], out.bytes());
      out.close();
    }
    return out;
  };
}

Step metaspace(const Metaspace& m) {
  return [m](StringList tokens) {
    StringList out;
    for (size_t i = 0; i < tokens.size(); ++i) {
      const std::string_view token = tokens[i];
      const bool drop = i == 0 && m.prepend != Metaspace::Prepend::kNever;
      for (size_t pos = 0; pos < token.size();) {
        const char32_t c = next_code_point(token, pos);
        if (c != m.replacement) {
          append_utf8(out.bytes(), c);
        } else if (!drop) {
          out.bytes() += ' ';
        }
      }
      out.close();
    }
    return out;
  };
}

// The suffix that ends a word is a space, except behind the last word.
Step bpe_suffix(const std::string& suffix) {
  return [suffix](StringList tokens) {
    StringList out;
    for (size_t i = 0; i < tokens.size(); ++i) {
      const std::string_view token = tokens[i];
      size_t copied = 0;
      for (size_t at; (at = token.find(suffix, copied)) != token.npos; copied = at + suffix.size()) {
        out.bytes() += token.substr(copied, at - copied);
        if (i + 1 < tokens.size()) out.bytes() += ' ';
      }
      out.add(token.substr(copied));
    }
    return out;
  };
}

int64_t read_count(const Json& part, const char* key, const std::string& where) {
  const int64_t n = json_int(part, key, where);
  if (n < 0)
    throw Error(ErrorKind::kBadModel, where + ":" + key, "expected 0 or more, found " + std::to_string(n));
  return n;
}

Step read_step(const std::string& type, const Json& part, const std::string& where) {
  if (type == "ByteLevel") return byte_level;
  if (type == "ByteFallback") return byte_fallback;
  if (type == "Fuse") return fuse;
  if (type == "Replace") return replace(std::make_shared<const TextReplace>(part, where));
  if (type == "Metaspace") return metaspace(Metaspace(part, where));
  if (type == "Strip") {
    std::string content;
    append_utf8(content, read_character(part, "content", where));
    return strip(content, read_count(part, "start", where), read_count(part, "stop", where));
  }
  if (type == "BPEDecoder") {
    const std::string suffix = json_string(part, "suffix", where, "</w>");
    if (suffix.empty()) throw Error(ErrorKind::kBadModel, where + ":suffix", "must not be empty");
    return bpe_suffix(suffix);
  }
  refuse_part(type, where, "ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, BPEDecoder, Sequence");
}

}  // namespace

Decoder::Decoder(const Json* json, const std::string& where) : is_null_(json == nullptr) {
  for_each_part(json, "decoders", where,
                [&](const std::string& type, const Json& part, const std::string& place) {
                  steps_.push_back(read_step(type, part, place));
                });
}

std::string Decoder::decode(StringList tokens) const {
  if (is_null_) {
    std::string out;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) out += ' ';
      out += tokens[i];
    }
    return out;
  }
  for (const Step& step : steps_) tokens = step(std::move(tokens));
  return std::move(tokens).joined();
}

}  // namespace fptq
