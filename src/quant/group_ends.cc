#include "quant/group_ends.h"

#include "tensor/normal_float4.h"

namespace fptq {
namespace {

float number_at(const Tensor& t, int64_t i) {
  float v = 0;
  decode_row(t.dtype(), t.bytes().data() + static_cast<size_t>(i) * dtype_info(t.dtype()).block_bytes, &v, 1);
  return v;
}

// The largest number of a float8 type and half the step below it.
struct Float8End {
  float largest, half_step;
};
constexpr Float8End kE4M3End = {448.0f, 16.0f}, kE5M2End = {57344.0f, 4096.0f};

float block_scale(const LinearWeights& w, int64_t block) {
  if (!w.spec.nested) return number_at(w.scales, block);
  const auto code = static_cast<uint8_t>(w.scales.bytes()[static_cast<size_t>(block)]);
  return number_at(w.nested.map, code) * number_at(w.nested.absmax, block / NestedScales::kBlock) +
         w.nested.offset;
}

}  // namespace

GroupEnds group_ends(const LinearWeights& w, int64_t r, int64_t c) {
  if (w.spec.type == CodeType::kNormalFloat4) {
    const float scale = block_scale(w, (r * w.cols + c) / w.group_size());
    const float lower = kNormalFloat4[0] - (kNormalFloat4[1] - kNormalFloat4[0]) / 2,
                upper = kNormalFloat4[15] + (kNormalFloat4[15] - kNormalFloat4[14]) / 2;
    return {scale, lower * scale, upper * scale};
  }
  const int64_t group = r * w.groups() + c / w.group_size();
  const float scale = number_at(w.scales, group);
  if (w.spec.type != CodeType::kInteger) {
    const Float8End end = w.spec.type == CodeType::kFloat8E4M3 ? kE4M3End : kE5M2End;
    const float reach = (end.largest + end.half_step) * scale;
    return {scale, -reach, reach};
  }
  const int zero = w.zero_points ? static_cast<int8_t>(w.zero_points.bytes()[static_cast<size_t>(group)]) : 0;
  const int half = 1 << (w.spec.bits - 1);
  return {scale, (static_cast<float>(-half - zero) - 0.5f) * scale,
          (static_cast<float>(half - 1 - zero) + 0.5f) * scale};
}

}  // namespace fptq
