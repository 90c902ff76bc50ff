#include "tokenizer/pre_tokenizer.h"

#include <memory>

#include "fptq/error.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/json_parts.h"
#include "tokenizer/metaspace.h"
#include "tokenizer/regex.h"
#include "tokenizer/split_behavior.h"
#include "tokenizer/unicode_classes.h"
#include "tokenizer/utf8.h"
#include "tokenizer/young_code_points.h"

namespace fptq {
namespace {

using Step = std::function<void(Pieces&)>;

constexpr std::string_view kGpt2Words =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
// \w+|[^\w\s]+ of Rust's regex crate, whose \w has the joiners and lacks the Latin-1 numbers of Oniguruma's.
constexpr std::string_view kWords =
    "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]+|[^\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_"
    "Control}\\s]+";

// Every match isolated, nothing dropped: what byte-level tokenizers do with all of their text.
Step isolate_matches(std::shared_ptr<const Regex> regex) {
  return [regex](Pieces& pieces) {
    std::string storage;
    const std::string_view shown = with_stand_ins(pieces.text(), storage);
    const char* const text = pieces.text().data();
    RegexScan scan(*regex);
    pieces.cut([&](std::string_view piece, std::vector<Span>& out) {
      scan.start(shown.substr(static_cast<size_t>(piece.data() - text), piece.size()));
      size_t last = 0;
      for (size_t begin, end; scan.next(begin, end); last = end) {
        if (last != begin) out.push_back({last, begin});
        out.push_back({begin, end});
      }
      if (last != piece.size()) out.push_back({last, piece.size()});
    });
  };
}

Step split_at_matches(std::shared_ptr<const Regex> regex, SplitBehavior behavior, bool invert) {
  if (behavior == SplitBehavior::kIsolated) return isolate_matches(std::move(regex));
  return [regex, behavior, invert](Pieces& pieces) {
    std::string storage;
    const std::string_view shown = with_stand_ins(pieces.text(), storage);
    const char* const text = pieces.text().data();
    RegexScan scan(*regex);
    std::vector<Part> parts;
    pieces.cut([&](std::string_view piece, std::vector<Span>& out) {
      scan.start(shown.substr(static_cast<size_t>(piece.data() - text), piece.size()));
      parts.clear();
      size_t last = 0;
      for (size_t begin, end; scan.next(begin, end); last = end) {
        if (last != begin) parts.push_back({{last, begin}, invert});
        parts.push_back({{begin, end}, !invert});
      }
      if (last != piece.size()) parts.push_back({{last, piece.size()}, invert});
      split_parts(parts, behavior, out);
    });
  };
}

// Splits at single code points for which `is_delimiter` holds.
template <typename Predicate>
Step split_at(Predicate is_delimiter, SplitBehavior behavior) {
  return [is_delimiter, behavior](Pieces& pieces) {
    std::vector<Part> parts;
    pieces.cut([&](std::string_view piece, std::vector<Span>& out) {
      parts.clear();
      size_t last = 0;
      for (size_t pos = 0; pos < piece.size();) {
        const size_t begin = pos;
        if (!is_delimiter(next_code_point(piece, pos))) continue;
        if (last != begin) parts.push_back({{last, begin}, false});
        parts.push_back({{begin, pos}, true});
        last = pos;
      }
      if (last != piece.size()) parts.push_back({{last, piece.size()}, false});
      split_parts(parts, behavior, out);
    });
  };
}

Step fixed_length(int64_t length) {
  return [length](Pieces& pieces) {
    pieces.cut([&](std::string_view piece, std::vector<Span>& out) {
      for (size_t pos = 0; pos < piece.size();) {
        const size_t begin = pos;
        for (int64_t i = 0; i < length && pos < piece.size(); ++i) pos += utf8_length(piece[pos]);
        out.push_back({begin, pos});
      }
    });
  };
}

void prefix_space(Pieces& pieces) {
  pieces.rewrite([](std::string_view piece, bool, std::string& out) {
    if (!piece.starts_with(' ')) out += ' ';
    out += piece;
  });
}

void map_to_byte_level(Pieces& pieces) {
  pieces.rewrite([](std::string_view piece, bool, std::string& out) { append_byte_level(out, piece); });
}

void metaspace(const Metaspace& m, std::vector<Step>& steps) {
  steps.push_back([m](Pieces& pieces) {
    pieces.rewrite(
        [&](std::string_view piece, bool at_start, std::string& out) { m.append(piece, at_start, out); });
  });
  if (m.split) {
    steps.push_back(
        split_at([c = m.replacement](char32_t other) { return other == c; }, SplitBehavior::kMergedWithNext));
  }
}

SplitBehavior behavior_of(const Json& part, const std::string& where, const std::string& fallback) {
  return parse_split_behavior(json_string(part, "behavior", where, fallback), where);
}

}  // namespace

PreTokenizer::PreTokenizer(const Json* json, const std::string& where) {
  for_each_part(
      json, "pretokenizers", where, [&](const std::string& type, const Json& part, const std::string& place) {
        if (ends_in_byte_level_) steps_.push_back(map_to_byte_level);
        ends_in_byte_level_ = false;
        if (type == "ByteLevel") {
          if (json_bool(part, "add_prefix_space", place, true)) steps_.push_back(prefix_space);
          if (json_bool(part, "use_regex", place, true))
            steps_.push_back(isolate_matches(std::make_shared<Regex>(kGpt2Words, place)));
          ends_in_byte_level_ = true;
        } else if (type == "Split") {
          steps_.push_back(split_at_matches(std::make_shared<Regex>(read_pattern(part, place)),
                                            parse_split_behavior(json_string(part, "behavior", place), place),
                                            json_bool(part, "invert", place, false)));
        } else if (type == "Metaspace") {
          metaspace(Metaspace(part, place), steps_);
        } else if (type == "Digits") {
          const bool each = json_bool(part, "individual_digits", place, false);
          steps_.push_back(
              split_at(is_numeric, each ? SplitBehavior::kIsolated : SplitBehavior::kContiguous));
        } else if (type == "Whitespace") {
          steps_.push_back(
              split_at_matches(std::make_shared<Regex>(kWords, place), SplitBehavior::kRemoved, true));
        } else if (type == "WhitespaceSplit") {
          steps_.push_back(split_at(is_white_space, SplitBehavior::kRemoved));
        } else if (type == "Punctuation") {
          steps_.push_back(split_at(is_punctuation, behavior_of(part, place, "Isolated")));
        } else if (type == "BertPreTokenizer") {
          steps_.push_back(split_at(is_white_space, SplitBehavior::kRemoved));
          steps_.push_back(split_at(is_punctuation, SplitBehavior::kIsolated));
        } else if (type == "CharDelimiterSplit") {
          const char32_t delimiter = read_character(part, "delimiter", place);
          steps_.push_back(
              split_at([delimiter](char32_t c) { return c == delimiter; }, SplitBehavior::kRemoved));
        } else if (type == "FixedLength") {
          const int64_t length = json_int(part, "length", place, 5);
          if (length < 1)
            throw Error(ErrorKind::kBadModel, place + ":length",
                        "expected at least 1, found " + std::to_string(length));
          steps_.push_back(fixed_length(length));
        } else {
          refuse_part(type, place,
                      "Split, ByteLevel, Metaspace, Digits, Whitespace, WhitespaceSplit, Punctuation, "
                      "BertPreTokenizer, "
                      "CharDelimiterSplit, FixedLength, Sequence");
        }
      });
}

void PreTokenizer::cut(Pieces& pieces, bool keep_bytes) const {
  for (const Step& step : steps_) step(pieces);
  if (ends_in_byte_level_ && !keep_bytes) map_to_byte_level(pieces);
}

}  // namespace fptq
