// Which group size a matrix gets, when one size does not fit all.
#pragma once

#include <cstdint>

namespace fptq {

struct GroupSize {
  int64_t size = 0;        // 0: one group per row
  bool fell_back = false;  // not what was asked for
};

// What 4-bit weights get when nobody says otherwise.
inline constexpr int64_t kUsualGroupSize = 128;

// Throws Error(kUsage) unless `wanted` is -1 (one group per row) or a multiple of 16 from 16 to 65536.
void check_group_size(int64_t wanted);

// `wanted` where it divides `cols` inputs; else the largest of 64 and 32 that is below it and does; else one
// group per row.
GroupSize resolve_group_size(int64_t cols, int64_t wanted);

}  // namespace fptq
