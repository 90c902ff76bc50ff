#include <algorithm>
#include <array>
#include <cstring>

#include "base/float8.h"
#include "tensor/linear_weights.h"
#include "tensor/normal_float4.h"

namespace fptq {
namespace {

float float_at(const Tensor& t, int64_t i) {
  float v = 0;
  const size_t bytes = dtype_info(t.dtype()).block_bytes;
  decode_row(t.dtype(), t.bytes().data() + static_cast<size_t>(i) * bytes, &v, 1);
  return v;
}

using ByteTable = std::array<float, 256>;

const ByteTable& float8_table(CodeType type) {
  const auto make = [](auto to_float) {
    ByteTable table{};
    for (size_t i = 0; i < table.size(); ++i) table[i] = to_float(static_cast<uint8_t>(i));
    return table;
  };
  static const ByteTable e4m3 = make(e4m3_to_float), e5m2 = make(e5m2_to_float);
  return type == CodeType::kFloat8E4M3 ? e4m3 : e5m2;
}

void decode_integers(const LinearWeights& w, int64_t r, float* dst) {
  const std::byte* row = w.codes.view().row(r);
  const int64_t groups = w.groups(), size = w.group_size();
  std::array<int8_t, 64> codes;
  for (int64_t i = 0; i < groups; ++i) {
    const int64_t at = r * groups + i;
    const float scale = w.scale_at(at);
    const int zero = w.zero_point_at(at);
    for (int64_t c = i * size; c < (i + 1) * size; c += std::ssize(codes)) {
      const auto n = std::min(static_cast<size_t>((i + 1) * size - c), codes.size());
      read_code_row(row, w.spec.bits, c, std::span(codes).first(n));
      for (size_t k = 0; k < n; ++k)
        dst[c + static_cast<int64_t>(k)] = static_cast<float>(codes[k] - zero) * scale;
    }
  }
}

void decode_float8(const LinearWeights& w, int64_t r, float* dst) {
  const ByteTable& table = float8_table(w.spec.type);
  const std::byte* row = w.codes.view().row(r);
  const int64_t groups = w.groups(), size = w.group_size();
  for (int64_t i = 0; i < groups; ++i) {
    const float scale = w.scale_at(r * groups + i);
    for (int64_t c = i * size; c < (i + 1) * size; ++c) dst[c] = table[static_cast<uint8_t>(row[c])] * scale;
  }
}

void decode_normal_float4(const LinearWeights& w, int64_t r, float* dst) {
  const std::byte* codes = w.codes.bytes().data();
  const int64_t first = r * w.cols, last = first + w.cols, size = w.group_size();
  for (int64_t begin = first; begin < last;) {
    const int64_t block = begin / size, end = std::min((block + 1) * size, last);
    const float scale = w.scale_at(block);
    for (int64_t i = begin; i < end; ++i) {
      const unsigned code = (static_cast<unsigned>(codes[i / 2]) >> (i % 2 == 0 ? 4 : 0)) & 15u;
      dst[i - first] = kNormalFloat4[code] * scale;
    }
    begin = end;
  }
}

}  // namespace

float LinearWeights::scale_at(int64_t i) const {
  if (!spec.nested) return float_at(scales, i);
  const auto code = static_cast<uint8_t>(scales.bytes()[static_cast<size_t>(i)]);
  return float_at(nested.map, code) * float_at(nested.absmax, i / NestedScales::kBlock) + nested.offset;
}

int LinearWeights::zero_point_at(int64_t i) const {
  return zero_points ? static_cast<int8_t>(zero_points.bytes()[static_cast<size_t>(i)]) : 0;
}

void LinearWeights::decode_row(int64_t r, float* dst) const {
  if (spec.dense()) {
    fptq::decode_row(weight.dtype(), weight.view().row(r), dst, cols);
    return;
  }
  switch (spec.type) {
    case CodeType::kInteger:
      return decode_integers(*this, r, dst);
    case CodeType::kFloat8E4M3:
    case CodeType::kFloat8E5M2:
      return decode_float8(*this, r, dst);
    case CodeType::kNormalFloat4:
      return decode_normal_float4(*this, r, dst);
  }
}

}  // namespace fptq
