// Quantized layers of every form with random codes, for tests that do not care where codes come from.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "tensor/linear_weights.h"

namespace fptq {

namespace random_layer_internal {

inline Tensor scales(std::mt19937& random, DType dtype, Shape shape, bool same) {
  std::vector<float> values(static_cast<size_t>(element_count(shape, "test")));
  for (float& v : values) v = 0.01f + static_cast<float>(random() % 1000) * 1e-4f;
  if (same) std::fill(values.begin(), values.end(), values.front());
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(dtype, std::move(shape), &data);
  encode_row(dtype, values.data(), data, std::ssize(values));
  return t;
}

inline Tensor bytes(std::mt19937& random, DType dtype, Shape shape) {
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(dtype, std::move(shape), &data);
  for (size_t i = 0; i < t.bytes().size(); ++i) data[i] = static_cast<std::byte>(random());
  return t;
}

// Random numbers of `bits` bits; finite ones of 8-bit floats.
inline int8_t code(std::mt19937& random, const WeightSpec& spec) {
  const auto byte = static_cast<uint8_t>(random());
  if (spec.type == CodeType::kFloat8E4M3 && (byte & 0x7f) == 0x7f) return 0x38;
  if (spec.type == CodeType::kFloat8E5M2) return static_cast<int8_t>((byte & 0x8f) | 0x30);  // of like size
  const int span = 1 << spec.bits;
  return static_cast<int8_t>(byte % span - (spec.type == CodeType::kInteger ? span / 2 : 0));
}

inline void add_rows(std::mt19937& random, DType scale_dtype, LinearWeights& w) {
  const WeightSpec& spec = w.spec;
  const bool integer = spec.type == CodeType::kInteger, packed = spec.bits != 8;
  const DType dtype = !integer ? (spec.type == CodeType::kFloat8E4M3 ? DType::kF8E4M3 : DType::kF8E5M2)
                      : packed ? DType::kU8
                               : DType::kI8;
  std::byte* data = nullptr;
  w.codes = Tensor::allocate(dtype, {w.rows, packed ? packed_row_bytes(w.cols, spec.bits) : w.cols}, &data);
  std::vector<int8_t> row(static_cast<size_t>(w.cols));
  for (int64_t r = 0; r < w.rows; ++r) {
    for (int8_t& c : row) c = code(random, spec);
    write_code_row(row, spec.bits, data + static_cast<size_t>(r) * w.codes.view().row_bytes());
  }
  w.scales = scales(random, scale_dtype, {w.rows, w.groups()}, spec.per_tensor);
  if (spec.symmetric) return;
  w.zero_points = Tensor::allocate(DType::kI8, {w.rows, w.groups()}, &data);
  for (size_t i = 0; i < w.zero_points.bytes().size(); ++i)
    data[i] = spec.per_tensor && i > 0 ? data[0] : static_cast<std::byte>(code(random, spec));
}

inline void add_blocks(std::mt19937& random, LinearWeights& w) {
  w.codes = bytes(random, DType::kU8, {(w.rows * w.cols + 1) / 2, 1});
  if (!w.spec.nested) {
    w.scales = scales(random, DType::kF32, {w.blocks()}, false);
    return;
  }
  w.scales = bytes(random, DType::kU8, {w.blocks()});
  w.nested.absmax =
      scales(random, DType::kF32, {(w.blocks() + NestedScales::kBlock - 1) / NestedScales::kBlock}, false);
  std::vector<float> map(256);
  for (int i = 0; i < 256; ++i) map[static_cast<size_t>(i)] = static_cast<float>(i - 128) / 128.0f;
  w.nested.map = Tensor::from_floats({256}, map);
  w.nested.offset = 0.2f;
}

}  // namespace random_layer_internal

// Scales and zero points fit `spec`, whatever it is.
inline LinearWeights random_layer(int64_t rows, int64_t cols, const WeightSpec& spec,
                                  const ActivationSpec& activation, DType scale_dtype, std::mt19937& random) {
  LinearWeights w;
  w.rows = rows;
  w.cols = cols;
  w.spec = spec;
  w.activation = activation;
  if (spec.type == CodeType::kNormalFloat4) {
    random_layer_internal::add_blocks(random, w);
  } else {
    random_layer_internal::add_rows(random, scale_dtype, w);
  }
  return w;
}

}  // namespace fptq
