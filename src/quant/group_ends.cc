#include "quant/group_ends.h"

#include <algorithm>

#include "base/float8.h"
#include "tensor/normal_float4.h"

namespace fptq {
namespace {

// The largest number of a float8 type and half the step below it.
struct Float8End {
  float largest, half_step;
};
constexpr Float8End kE4M3End = {kE4M3Max, 16.0f}, kE5M2End = {kE5M2Max, 4096.0f};

}  // namespace

GroupEnds group_ends(const LinearWeights& w, int64_t r, int64_t c) {
  if (w.spec.type == CodeType::kNormalFloat4) {
    const float scale = w.scale_at((r * w.cols + c) / w.group_size());
    const float lower = kNormalFloat4[0] - (kNormalFloat4[1] - kNormalFloat4[0]) / 2,
                upper = kNormalFloat4[15] + (kNormalFloat4[15] - kNormalFloat4[14]) / 2;
    return {scale, lower * scale, upper * scale};
  }
  const int64_t group = r * w.groups() + c / w.group_size();
  const float scale = w.scale_at(group);
  if (w.spec.type != CodeType::kInteger) {
    const Float8End end = w.spec.type == CodeType::kFloat8E4M3 ? kE4M3End : kE5M2End;
    const float reach = (end.largest + end.half_step) * scale;
    return {scale, -reach, reach};
  }
  const int zero = w.zero_point_at(group);
  const int half = 1 << (w.spec.bits - 1);
  const float lowest = (static_cast<float>(-half - zero) - 0.5f) * scale,
              highest = (static_cast<float>(half - 1 - zero) + 0.5f) * scale;
  return {scale, std::min(lowest, highest), std::max(lowest, highest)};
}

}  // namespace fptq
