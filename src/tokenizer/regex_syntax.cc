#include "tokenizer/regex_syntax.h"

#include "fptq/error.h"

namespace fptq {
namespace {

// Unicode's word characters (PCRE2's \w lacks marks and connectors). Outside of a class Oniguruma looks code
// points below 256 up in another table, which counts five numbers in.
constexpr std::string_view kWordInClass = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
constexpr std::string_view kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}";

class Rewriter {
 public:
  Rewriter(std::string_view pattern, const std::string& where) : in_(pattern), where_(where) {}

  std::string run() {
    while (pos_ < in_.size()) {
      switch (in_[pos_]) {
        case '\\':
          escape();
          break;
        case '[':
          character_class();
          break;
        case '(':
          group();
          break;
        case '{':
          interval();
          break;
        default:
          out_ += in_[pos_++];
      }
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorKind::kBadModel, where_,
                what + " in the regular expression \"" + std::string(in_) + "\" is not supported");
  }
  bool follows(std::string_view text, size_t at) const { return in_.substr(at).starts_with(text); }

  void escape() {
    if (pos_ + 1 == in_.size()) {
      out_ += in_[pos_++];
      return;
    }
    const char c = in_[pos_ + 1];
    const std::string word = "[" + std::string(kWord) + "]";
    switch (c) {
      case 'w':
        out_ += word;
        break;
      case 'W':
        out_ += "[^" + std::string(kWord) + "]";
        break;
      case 'b':
        out_ += "(?:(?<=" + word + ")(?!" + word + ")|(?<!" + word + ")(?=" + word + "))";
        break;
      case 'B':
        out_ += "(?:(?<=" + word + ")(?=" + word + ")|(?<!" + word + ")(?!" + word + "))";
        break;
      case 'h':
        out_ += "[0-9a-fA-F]";
        break;
      case 'H':
        out_ += "[^0-9a-fA-F]";
        break;
      default:
        shared_escape(c);
        return;
    }
    pos_ += 2;
  }

  // Escapes that mean the same inside and outside a class.
  void shared_escape(char c) {
    if (c == 'u') {
      if (in_.size() - pos_ < 6) refuse("an unfinished \\u");
      out_ += "\\x{" + std::string(in_.substr(pos_ + 2, 4)) + "}";
      pos_ += 6;
      return;
    }
    out_ += '\\';
    out_ += c;
    pos_ += 2;
  }

  // Nested classes are unions: their brackets fall away.
  void character_class() {
    int depth = 0;
    bool first = false;  // a ']' here would be an ordinary character
    while (pos_ < in_.size()) {
      const char c = in_[pos_];
      if (c == '[' && depth > 0 && follows("[:", pos_)) {
        const size_t end = in_.find(":]", pos_);
        if (end == in_.npos) refuse("an unfinished POSIX class");
        out_ += in_.substr(pos_, end + 2 - pos_);
        pos_ = end + 2;
        first = false;
      } else if (c == '[') {
        ++pos_;
        const bool negated = pos_ < in_.size() && in_[pos_] == '^';
        if (depth > 0 && negated) refuse("a negated class inside a class");
        if (depth == 0) out_ += negated ? "[^" : "[";
        pos_ += negated;
        ++depth;
        first = true;
      } else if (c == ']' && !first) {
        ++pos_;
        if (--depth == 0) {
          out_ += ']';
          return;
        }
      } else if (c == '\\' && pos_ + 1 < in_.size()) {
        class_escape(in_[pos_ + 1]);
        first = false;
      } else {
        if (follows("&&", pos_)) refuse("a class intersection");
        if (c == ']') out_ += '\\';
        out_ += c;
        ++pos_;
        first = false;
      }
    }
    refuse("an unfinished class");
  }

  void class_escape(char c) {
    if (c == 'W' || c == 'H') refuse(std::string("\\") + c + " inside a class");
    if (c == 'w' || c == 'h') {
      out_ += c == 'w' ? kWordInClass : "0-9a-fA-F";
      pos_ += 2;
    } else {
      shared_escape(c);
    }
  }

  // (?m) is PCRE2's (?s); other options are spelt alike.
  void group() {
    out_ += in_[pos_++];
    if (!follows("?", pos_)) return;
    size_t end = pos_ + 1;
    while (end < in_.size() && (in_[end] == '-' || (in_[end] >= 'a' && in_[end] <= 'z'))) ++end;
    if (end == in_.size() || (in_[end] != ':' && in_[end] != ')')) return;
    for (; pos_ < end; ++pos_) out_ += in_[pos_] == 'm' ? 's' : in_[pos_];
  }

  void interval() {
    const size_t end = in_.find_first_not_of("0123456789,", pos_ + 1);
    const bool quantifier = end != in_.npos && in_[end] == '}' && end > pos_ + 1;
    if (!quantifier) {
      out_ += in_[pos_++];
      return;
    }
    // PCRE2 would take the + as "possessive", Oniguruma repeats the interval.
    if (follows("+", end + 1)) refuse("{n,m}+");
    out_ += in_[pos_ + 1] == ',' ? "{0" : "{";
    out_ += in_.substr(pos_ + 1, end - pos_);
    pos_ = end + 1;
  }

  std::string_view in_;
  const std::string& where_;
  size_t pos_ = 0;
  std::string out_;
};

}  // namespace

std::string pcre2_pattern(std::string_view pattern, const std::string& where) {
  return Rewriter(pattern, where).run();
}

}  // namespace fptq
