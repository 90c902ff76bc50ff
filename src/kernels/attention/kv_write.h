// Writes one position's key and value into its place in a block (kv_layout.h). Different positions may be
// written by different threads at once.
#pragma once

#include <cstdint>

#include "kernels/attention/kv_layout.h"

namespace fptq::kernels {

// `record`: one kv head's record of a block, 64-byte aligned; 0 <= slot < kKvBlock; k and v [head_dim].
void write_kv_floats(uint8_t* record, int64_t head_dim, int64_t slot, const float* k, const float* v);
// Rounds to nearest even; what a half cannot hold becomes the largest half, +-65504.
void write_kv_halves(uint8_t* record, int64_t head_dim, int64_t slot, const float* k, const float* v);
// E4M3, as base/float8.h rounds: to nearest even, and what is beyond +-448 becomes that.
void write_kv_float8(uint8_t* record, int64_t head_dim, int64_t slot, const float* k, const float* v);
void write_kv_codes(uint8_t* record, int64_t head_dim, int64_t slot, const int8_t* k, float k_scale,
                    const int8_t* v, float v_scale);

}  // namespace fptq::kernels
