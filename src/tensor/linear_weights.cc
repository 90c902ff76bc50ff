#include "tensor/linear_weights.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "fptq/error.h"

namespace fptq {
namespace {

[[noreturn]] void bad(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::kBadModel, where, what);
}

void expect_shape(const Tensor& t, const Shape& expected, const char* name, const std::string& where) {
  if (!t) bad(where, fmt::format("{} is missing", name));
  if (t.shape() != expected) {
    bad(where, fmt::format("{} has shape {}, expected {}", name, to_string(t.shape()), to_string(expected)));
  }
}

void expect_dtype(const Tensor& t, std::initializer_list<DType> accepted, const char* name,
                  const std::string& where) {
  std::string names;
  for (const DType dtype : accepted) {
    if (t.dtype() == dtype) return;
    names += (names.empty() ? "" : " or ") + std::string(dtype_info(dtype).name);
  }
  bad(where, fmt::format("{} has type {}, expected {}", name, dtype_info(t.dtype()).name, names));
}

void validate_activation(const ActivationSpec& activation, const std::string& where) {
  if (activation.mode != ActivationMode::kStaticTensor) return;
  if (!(activation.scale > 0.0f) || !std::isfinite(activation.scale)) {
    bad(where, fmt::format("input_scale is {}, expected a finite positive number", activation.scale));
  }
  const int32_t low = activation.symmetric ? 0 : -128, high = activation.symmetric ? 0 : 127;
  if (activation.zero_point < low || activation.zero_point > high) {
    bad(where, fmt::format("input_zero_point {} outside {}..{}", activation.zero_point, low, high));
  }
}

float scale_at(const Tensor& scales, int64_t i) {
  float s = 0;
  const size_t bytes = dtype_info(scales.dtype()).block_bytes;
  decode_row(scales.dtype(), scales.bytes().data() + static_cast<size_t>(i) * bytes, &s, 1);
  return s;
}

}  // namespace

void LinearWeights::validate(const std::string& where) const {
  if (rows <= 0 || cols <= 0) bad(where, fmt::format("linear layer of {} x {}", rows, cols));
  if (bias && bias.shape() != Shape{rows}) {
    bad(where, fmt::format("bias has shape {}, expected [{}]", to_string(bias.shape()), rows));
  }
  if (bias && !dtype_info(bias.dtype()).floating) {
    bad(where, fmt::format("bias has type {}, expected a floating one", dtype_info(bias.dtype()).name));
  }
  validate_activation(activation, where);
  if (spec.dense()) {
    expect_shape(weight, {rows, cols}, "weight", where);
    if (!dtype_info(weight.dtype()).floating)
      bad(where, fmt::format("weight has type {}", dtype_info(weight.dtype()).name));
    return;
  }
  if (spec.bits != 4 && spec.bits != 8)
    bad(where, fmt::format("{} bits per weight, supported are 4 and 8", spec.bits));
  if (spec.group_size < 0 || cols % group_size() != 0) {
    bad(where, fmt::format("group size {} does not divide {} inputs", spec.group_size, cols));
  }
  expect_shape(codes, spec.bits == 4 ? Shape{rows, packed_row_bytes(cols)} : Shape{rows, cols}, "codes",
               where);
  expect_dtype(codes, {spec.bits == 4 ? DType::kU8 : DType::kI8}, "codes", where);
  expect_shape(scales, {rows, groups()}, "weight_scale", where);
  expect_dtype(scales, {DType::kF32, DType::kF16, DType::kBF16}, "weight_scale", where);
  if (spec.symmetric == static_cast<bool>(zero_points)) {
    bad(where, spec.symmetric ? "zero points on a symmetric weight" : "weight_zero_point is missing");
  }
  const AlignedBuffer<float> s = scales.to_floats();
  for (size_t i = 0; i < s.size(); ++i) {
    if (!(s[i] > 0.0f) || !std::isfinite(s[i])) {
      bad(where, fmt::format("weight_scale[{}] is {}, expected a finite positive number", i, s[i]));
    }
  }
  if (zero_points) {
    expect_shape(zero_points, {rows, groups()}, "weight_zero_point", where);
    expect_dtype(zero_points, {DType::kI8}, "weight_zero_point", where);
    const int8_t low = spec.bits == 4 ? -8 : -128, high = spec.bits == 4 ? 7 : 127;
    for (const std::byte b : zero_points.bytes()) {
      const auto z = static_cast<int8_t>(b);
      if (z < low || z > high) bad(where, fmt::format("zero point {} outside {}..{}", z, low, high));
    }
  }
}

void LinearWeights::decode_row(int64_t r, float* dst) const {
  if (spec.dense()) {
    fptq::decode_row(weight.dtype(), weight.view().row(r), dst, cols);
    return;
  }
  const std::byte* row = codes.view().row(r);
  const int64_t n = groups(), g = group_size();
  for (int64_t i = 0; i < n; ++i) {
    const float scale = scale_at(scales, r * n + i);
    const int zero =
        zero_points ? static_cast<int8_t>(zero_points.bytes()[static_cast<size_t>(r * n + i)]) : 0;
    for (int64_t c = i * g; c < (i + 1) * g; ++c) {
      int code;
      if (spec.bits == 4) {
        code = ((static_cast<int>(row[c / 2]) >> (4 * (c % 2))) & 15) - 8;
      } else {
        code = static_cast<int8_t>(row[c]);
      }
      dst[c] = static_cast<float>(code - zero) * scale;
    }
  }
}

}  // namespace fptq
