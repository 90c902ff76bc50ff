#include "tensor/linear_weights.h"

#include <fmt/format.h>

#include <algorithm>
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

void validate_activation(const ActivationSpec& a, const std::string& where) {
  if (a.mode == ActivationMode::kFloat) return;
  const bool integer = a.type == CodeType::kInteger && (a.bits == 4 || a.bits == 8);
  if (!integer && !(a.type == CodeType::kFloat8E4M3 && a.bits == 8 && a.symmetric)) {
    bad(where, fmt::format("inputs of type {} with {} bits are not known", static_cast<int>(a.type), a.bits));
  }
  if (a.mode != ActivationMode::kStaticTensor) return;
  if (!(a.scale > 0.0f) || !std::isfinite(a.scale)) {
    bad(where, fmt::format("input_scale is {}, expected a finite positive number", a.scale));
  }
  const int32_t low = a.symmetric ? 0 : -(1 << (a.bits - 1)),
                high = a.symmetric ? 0 : (1 << (a.bits - 1)) - 1;
  if (a.zero_point < low || a.zero_point > high) {
    bad(where, fmt::format("input_zero_point {} outside {}..{}", a.zero_point, low, high));
  }
}

void expect_scales(const Tensor& t, const char* name, const std::string& where) {
  const AlignedBuffer<float> s = t.to_floats();
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == 0.0f || !std::isfinite(s[i]))
      bad(where, fmt::format("{}[{}] is {}, expected a finite number that is not 0", name, i, s[i]));
  }
}

void expect_maxima(const Tensor& t, const char* name, const std::string& where) {
  const AlignedBuffer<float> m = t.to_floats();
  for (size_t i = 0; i < m.size(); ++i) {
    if (!(m[i] >= 0.0f) || !std::isfinite(m[i]))
      bad(where, fmt::format("{}[{}] is {}, expected a finite number from 0", name, i, m[i]));
  }
}

bool rows_agree(const Tensor& t) {
  const size_t bytes = t.view().row_bytes();
  for (int64_t r = 1; r < t.view().rows(); ++r) {
    if (std::memcmp(t.view().row(r), t.view().row(0), bytes) != 0) return false;
  }
  return true;
}

// What integers and Float8 have in common: scales and zero points by rows and groups.
void validate_groups(const LinearWeights& w, const std::string& where) {
  if (w.spec.group_size < 0 || w.cols % w.group_size() != 0) {
    bad(where, fmt::format("group size {} does not divide {} inputs", w.spec.group_size, w.cols));
  }
  if (w.spec.per_tensor && w.spec.group_size != 0) bad(where, "groups share one scale for all");
  if (w.spec.nested) bad(where, "quantized scales belong to NF4 alone");
  const bool integer = w.spec.type == CodeType::kInteger;
  if (!integer) {
    const DType type = w.spec.type == CodeType::kFloat8E4M3 ? DType::kF8E4M3 : DType::kF8E5M2;
    expect_shape(w.codes, {w.rows, w.cols}, "codes", where);
    expect_dtype(w.codes, {type}, "codes", where);
  } else {
    const Shape packed = {w.rows, packed_row_bytes(w.cols, w.spec.bits)};
    expect_shape(w.codes, w.spec.bits == 8 ? Shape{w.rows, w.cols} : packed, "codes", where);
    expect_dtype(w.codes, {w.spec.bits == 8 ? DType::kI8 : DType::kU8}, "codes", where);
  }
  expect_shape(w.scales, {w.rows, w.groups()}, "weight_scale", where);
  expect_dtype(w.scales, {DType::kF32, DType::kF16, DType::kBF16}, "weight_scale", where);
  if ((w.spec.symmetric || !integer) == static_cast<bool>(w.zero_points)) {
    bad(where, w.zero_points ? "zero points on a symmetric weight" : "weight_zero_point is missing");
  }
  expect_scales(w.scales, "weight_scale", where);
  if (w.spec.per_tensor && !(rows_agree(w.scales) && (!w.zero_points || rows_agree(w.zero_points))))
    bad(where, "rows of a matrix with one scale differ in it");
}

void validate_zero_points(const LinearWeights& w, const std::string& where) {
  expect_shape(w.zero_points, {w.rows, w.groups()}, "weight_zero_point", where);
  expect_dtype(w.zero_points, {DType::kI8}, "weight_zero_point", where);
  const int low = -(1 << (w.spec.bits - 1)), high = (1 << (w.spec.bits - 1)) - 1;
  for (const std::byte b : w.zero_points.bytes()) {
    const auto z = static_cast<int8_t>(b);
    if (z < low || z > high) bad(where, fmt::format("zero point {} outside {}..{}", z, low, high));
  }
}

// Codes that stand for no number, found without branches so that the loop vectorizes.
void validate_float8_codes(const LinearWeights& w, const std::string& where) {
  const unsigned bits = w.spec.type == CodeType::kFloat8E4M3 ? 0x7fu : 0x7cu;  // all set: not finite
  for (int64_t r = 0; r < w.rows; ++r) {
    const std::byte* row = w.codes.view().row(r);
    unsigned found = 0;
    for (int64_t c = 0; c < w.cols; ++c) found |= (static_cast<unsigned>(row[c]) & bits) == bits ? 1u : 0u;
    if (found != 0) bad(where, fmt::format("row {} holds codes that are no finite number", r));
  }
}

void validate_blocks(const LinearWeights& w, const std::string& where) {
  if (w.spec.group_size < 2 || w.spec.group_size % 2 != 0)
    bad(where, fmt::format("NF4 in blocks of {}, expected an even number", w.spec.group_size));
  if (!w.spec.symmetric || w.spec.per_tensor || w.zero_points)
    bad(where, "NF4 has neither zero points nor one scale for all");
  expect_shape(w.codes, {(w.rows * w.cols + 1) / 2, 1}, "codes", where);
  expect_dtype(w.codes, {DType::kU8}, "codes", where);
  expect_shape(w.scales, {w.blocks()}, "absmax", where);
  expect_dtype(w.scales, {w.spec.nested ? DType::kU8 : DType::kF32}, "absmax", where);
  if (!w.spec.nested) return expect_maxima(w.scales, "absmax", where);
  const int64_t outer = (w.blocks() + NestedScales::kBlock - 1) / NestedScales::kBlock;
  expect_shape(w.nested.absmax, {outer}, "nested_absmax", where);
  expect_dtype(w.nested.absmax, {DType::kF32}, "nested_absmax", where);
  expect_maxima(w.nested.absmax, "nested_absmax", where);
  expect_shape(w.nested.map, {256}, "nested_quant_map", where);
  expect_dtype(w.nested.map, {DType::kF32}, "nested_quant_map", where);
  for (const float v : w.nested.map.to_floats()) {
    if (!std::isfinite(v)) bad(where, fmt::format("nested_quant_map holds {}", v));
  }
  if (!std::isfinite(w.nested.offset)) bad(where, fmt::format("nested_offset is {}", w.nested.offset));
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
  const auto expect_bits = [&](std::initializer_list<int> known, const char* names) {
    if (std::find(known.begin(), known.end(), spec.bits) == known.end())
      bad(where, fmt::format("{} bits per weight, supported are {}", spec.bits, names));
  };
  switch (spec.type) {
    case CodeType::kInteger:
      expect_bits({3, 4, 8}, "3, 4 and 8");
      validate_groups(*this, where);
      if (zero_points) validate_zero_points(*this, where);
      return;
    case CodeType::kFloat8E4M3:
    case CodeType::kFloat8E5M2:
      expect_bits({8}, "8");
      validate_groups(*this, where);
      return validate_float8_codes(*this, where);
    case CodeType::kNormalFloat4:
      expect_bits({4}, "4");
      return validate_blocks(*this, where);
  }
}

}  // namespace fptq
