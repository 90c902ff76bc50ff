// Walking through bytes that should be UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace fptq::report {

struct CodePoint {
  char32_t value = 0xfffd;
  size_t length = 1;  // bytes to step over; 1 when not valid
  bool valid = false;
};

// The first code point of `text`, which must not be empty. Overlong forms and surrogates are not valid.
CodePoint next_code_point(std::string_view text);

}  // namespace fptq::report
