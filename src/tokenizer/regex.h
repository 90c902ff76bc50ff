// A regular expression as tokenizer.json writes them: Oniguruma's syntax, run by PCRE2 with its JIT.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace fptq {

// Immutable and thread-safe after construction.
class Regex {
 public:
  // Throws Error(kBadModel, where) with PCRE2's reason and the offset when the pattern is not valid.
  Regex(std::string_view pattern, const std::string& where);
  // Matches `literal` exactly, which may be empty.
  static Regex literal(std::string_view literal, const std::string& where);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

 private:
  friend class RegexScan;
  struct Code;
  explicit Regex(std::shared_ptr<const Code> code);
  std::shared_ptr<const Code> code_;
};

// Successive non-overlapping matches in one subject. The subject must be valid UTF-8 and outlive the scan.
class RegexScan {
 public:
  explicit RegexScan(const Regex& regex);
  ~RegexScan();
  RegexScan(const RegexScan&) = delete;
  RegexScan& operator=(const RegexScan&) = delete;

  void start(std::string_view subject);
  // The next match as byte offsets; an empty match directly behind the previous one is passed over.
  // Throws Error(kFailure) when the expression needs more than the limit of steps on this subject.
  bool next(size_t& begin, size_t& end);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fptq
