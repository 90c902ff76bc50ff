#include "tokenizer/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>

#include "base/json.h"
#include "fptq/error.h"
#include "tokenizer/regex_syntax.h"
#include "tokenizer/utf8.h"

namespace fptq {
namespace {

// Steps that one match may take. Real pre-tokenizers look at each byte of the text ahead a few times at most
// (a run of spaces is tried as the beginning of a line break first); nested quantifiers that backtrack
// without end are stopped after a fraction of a second.
constexpr size_t kMatchLimit = 5'000'000;
constexpr size_t kMatchLimitPerByte = 8;
constexpr size_t kJitStackStart = size_t{64} << 10;
constexpr size_t kJitStackMost = size_t{64} << 20;

std::string pcre2_message(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof(text));
  return reinterpret_cast<const char*>(text);
}

// Patterns hold line breaks; a message is one line.
std::string one_line(const std::string& pattern) {
  return Json(pattern).dump();
}

template <typename T, void (*release)(T*)>
struct Releaser {
  void operator()(T* p) const { release(p); }
};
template <typename T, void (*release)(T*)>
using Owned = std::unique_ptr<T, Releaser<T, release>>;

}  // namespace

struct Regex::Code {
  Owned<pcre2_code, pcre2_code_free> code;
  std::string where;
  std::string pattern;  // as the file has it, for messages
  bool jit = false;

  Code(std::string_view original, std::string_view pattern_for_pcre2, uint32_t options, std::string place)
      : where(std::move(place)), pattern(original) {
    const Owned<pcre2_compile_context, pcre2_compile_context_free> context(
        pcre2_compile_context_create(nullptr));
    if (!context) throw std::bad_alloc();
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    int error = 0;
    PCRE2_SIZE offset = 0;
    code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern_for_pcre2.data()), pattern_for_pcre2.size(),
                             PCRE2_UTF | options, &error, &offset, context.get()));
    if (!code) {
      throw Error(ErrorKind::kBadModel, where,
                  fmt::format("invalid regular expression {}: {}", one_line(pattern), pcre2_message(error)));
    }
    jit = pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE) == 0;
  }
};

Regex::Regex(std::shared_ptr<const Code> code) : code_(std::move(code)) {}
Regex::Regex(std::string_view pattern, const std::string& where)
    : code_(std::make_shared<Code>(pattern, pcre2_pattern(pattern, where),
                                   PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, where)) {}
Regex Regex::literal(std::string_view literal, const std::string& where) {
  return Regex(std::make_shared<Code>(literal, literal, PCRE2_LITERAL, where));
}
Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

struct RegexScan::State {
  std::shared_ptr<const Regex::Code> regex;
  Owned<pcre2_match_data, pcre2_match_data_free> data;
  Owned<pcre2_match_context, pcre2_match_context_free> context;
  Owned<pcre2_jit_stack, pcre2_jit_stack_free> stack;
  std::string_view subject;
  size_t from = 0;
  bool has_last = false;
  size_t last_end = 0;
};

RegexScan::RegexScan(const Regex& regex) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.regex = regex.code_;
  s.data.reset(pcre2_match_data_create(1, nullptr));
  s.context.reset(pcre2_match_context_create(nullptr));
  if (!s.data || !s.context) throw std::bad_alloc();
}
RegexScan::~RegexScan() = default;

void RegexScan::start(std::string_view subject) {
  state_->subject = subject;
  const size_t limit = kMatchLimit + std::min<size_t>(subject.size(), UINT32_MAX / 16) * kMatchLimitPerByte;
  pcre2_set_match_limit(state_->context.get(), static_cast<uint32_t>(limit));
  state_->from = 0;
  state_->has_last = false;
}

bool RegexScan::next(size_t& begin, size_t& end) {
  State& s = *state_;
  const auto* text = reinterpret_cast<PCRE2_SPTR>(s.subject.data());
  while (s.from <= s.subject.size()) {
    const auto match = [&] {
      return s.regex->jit ? pcre2_jit_match(s.regex->code.get(), text, s.subject.size(), s.from, 0,
                                            s.data.get(), s.context.get())
                          : pcre2_match(s.regex->code.get(), text, s.subject.size(), s.from,
                                        PCRE2_NO_UTF_CHECK, s.data.get(), s.context.get());
    };
    int found = match();
    if (found == PCRE2_ERROR_JIT_STACKLIMIT && !s.stack) {
      // Long words in a backtracking group need more than the 32 KiB of machine stack that the JIT starts
      // with.
      s.stack.reset(pcre2_jit_stack_create(kJitStackStart, kJitStackMost, nullptr));
      if (!s.stack) throw std::bad_alloc();
      pcre2_jit_stack_assign(s.context.get(), nullptr, s.stack.get());
      found = match();
    }
    if (found == PCRE2_ERROR_NOMATCH) {
      s.from = s.subject.size() + 1;
      return false;
    }
    if (found < 0) {
      throw Error(ErrorKind::kFailure, s.regex->where,
                  fmt::format("the regular expression {} gives up on this text: {}",
                              one_line(s.regex->pattern), pcre2_message(found)));
    }
    const PCRE2_SIZE* span = pcre2_get_ovector_pointer(s.data.get());
    begin = span[0];
    end = span[1];
    if (begin == end && s.has_last && s.last_end == end) {
      s.from += s.from < s.subject.size() ? utf8_length(s.subject[s.from]) : 1;
      continue;
    }
    s.from = end;
    s.last_end = end;
    s.has_last = true;
    return true;
  }
  return false;
}

}  // namespace fptq
