// How attention's scratch is laid out: for each query of a tile one row of scores, indexed by position.
#pragma once

#include <stdint.h>

namespace fptq::kernels {

// Queries that share one transposition of the keys. More would share it better, but their scores must stay in
// the second-level cache: 16 rows are 256 KiB at 4096 positions.
constexpr int64_t kQueryTile = 16;

static constexpr int64_t attention_row_floats(int64_t positions) {
  return (positions + 15) / 16 * 16;
}

}  // namespace fptq::kernels
