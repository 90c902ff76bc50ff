// NF4 and the double quantization of its scales (QLoRA, arXiv 2305.14314, section 3), bit for bit as
// bitsandbytes 0.50 computes them on a CPU: where its GPU kernels round an 8-bit scale to the nearest entry
// of its table, that code looks it up in 65536 steps, and up to one code in a hundred differs.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace fptq {

// Rounds one block of finite weights to NF4 and returns its scale, absmax = max|w|: codes[i] is the nearest
// entry of kNormalFloat4 to w[i] / absmax, the lower one at a tie. `last`: the block is the short one that
// ends a matrix, which bitsandbytes divides by absmax rather than multiplying by its reciprocal.
float round_nf4_block(std::span<const float> w, bool last, uint8_t* codes);

// The 256 values of bitsandbytes' signed dynamic type (arXiv 1511.04561), ascending.
const std::array<float, 256>& dynamic_map();

// What becomes of the scales of a matrix; see NestedScales.
struct NestedCodes {
  std::vector<uint8_t> codes;
  std::vector<float> absmax;
  float offset = 0.0f;
};
// The offset is their mean: summed exactly enough to be the correctly rounded one, where torch's sum in
// float32 depends on the machine.
NestedCodes nest_scales(std::span<const float> scales);

}  // namespace fptq
