#include "tokenizer/seams.h"

#include <algorithm>
#include <bit>

#include "tokenizer/utf8.h"

namespace fptq {

// Eight bits a pair: one foreign pair in eight is not seen as a seam, which costs a little time and no
// exactness.
Seams::Seams(size_t expected_pairs)
    : bits_(std::bit_ceil(std::clamp<size_t>(expected_pairs / 8, 64, size_t{1} << 16))),
      mask_(bits_.size() - 1) {}

void Seams::add_token(std::string_view token) {
  if (token.empty()) return;
  size_t pos = 0;
  char32_t left = next_code_point(token, pos);
  while (pos < token.size()) {
    const char32_t right = next_code_point(token, pos);
    const uint64_t h = hash(left, right);
    bits_[h >> 6 & mask_] |= uint64_t{1} << (h & 63);
    left = right;
  }
}

}  // namespace fptq
