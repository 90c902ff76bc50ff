#include "kernels/int_gemm/int_activations.h"

#include <algorithm>
#include <cstring>

namespace fptq::kernels {
namespace {

// dst[step][rows][unit] from rows of `steps` units each, `stride` bytes apart.
template <typename Unit>
void interleave(const int8_t* src, int64_t stride, int64_t rows, int64_t steps, int8_t* dst) {
  for (int64_t t = 0; t < rows; ++t) {
    const int8_t* from = src + t * stride;
    int8_t* to = dst + t * static_cast<int64_t>(sizeof(Unit));
    const int64_t jump = rows * static_cast<int64_t>(sizeof(Unit));
    for (int64_t s = 0; s < steps; ++s) {
      std::memcpy(to + s * jump, from + s * static_cast<int64_t>(sizeof(Unit)), sizeof(Unit));
    }
  }
}

// dst[step][16][kStep] from up to 16 rows of `inputs`.
template <int64_t kStep>
void to_matrices(const int8_t* src, int64_t inputs, int64_t rows, int8_t* dst) {
  for (int64_t k = 0; k < inputs; k += kStep, dst += 16 * kStep) {
    for (int64_t t = 0; t < rows; ++t) std::memcpy(dst + t * kStep, src + t * inputs + k, kStep);
  }
}

int32_t sum_of(const int8_t* a, int64_t n) {
  int32_t sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i];
  return sum;
}

// -sum as (low, high) with low + 128 * high = -sum and 0 <= low < 128.
int32_t pair_of(int32_t sum) {
  const int32_t low = -sum & 127, high = (-sum - low) / 128;
  return static_cast<int32_t>(static_cast<uint32_t>(low) | static_cast<uint32_t>(high) << 16);
}

}  // namespace

void IntActivations::reshape(const IntInputLayout& layout, int64_t rows, bool zeros) {
  layout_ = layout;
  rows_ = rows;
  has_zeros_ = zeros;
  if (matrix()) {
    height_ = layout.matrix_height;
  } else {
    const int64_t least = (rows + layout.max_height - 1) / layout.max_height;
    height_ = std::max<int64_t>(1, (rows + least - 1) / std::max<int64_t>(least, 1));
  }
  codes_.ensure(static_cast<size_t>((matrix() ? tiles() * height_ : rows) * layout.row_bytes()));
  starts_.ensure(static_cast<size_t>(rows * layout.groups()));
  pairs_.ensure(static_cast<size_t>(rows * layout.groups()));
  scales_.ensure(static_cast<size_t>(rows));
  zeros_.ensure(static_cast<size_t>(rows));
}

int64_t IntActivations::tile_rows(int64_t tile) const {
  return std::min(height_, rows_ - tile * height_);
}

void IntActivations::fill(int64_t tile, const int8_t* codes) {
  const IntInputLayout& l = layout_;
  const int64_t rows = tile_rows(tile), groups = l.groups(), bytes = l.group_inputs * l.input_bytes;
  int32_t* starts = starts_.data() + tile * height_ * groups;
  int32_t* pairs = pairs_.data() + tile * height_ * groups;
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t g = 0; g < groups; ++g) {
      const int32_t sum = sum_of(codes + t * l.inputs + g * l.group_size, l.group_size);
      starts[g * rows + t] = -l.code_bias * sum;
      pairs[g * rows + t] = pair_of(sum);
    }
  }
  int8_t* dst = codes_.data() + tile * height_ * l.row_bytes();
  const bool whole_rows = l.group_inputs == l.group_size && l.input_bytes == 1;
  if (matrix()) {
    const bool wide = l.group_inputs % 64 == 0;
    for (int64_t row = 0; row < rows; row += 16) {
      (wide ? to_matrices<64> : to_matrices<32>)(codes + row * l.inputs, l.inputs,
                                                 std::min<int64_t>(16, rows - row), dst + row * l.inputs);
    }
    return;
  }
  if (whole_rows && (rows == 1 || l.interleave == 4)) {
    if (rows == 1) {
      std::memcpy(dst, codes, static_cast<size_t>(l.inputs));
    } else {
      interleave<int32_t>(codes, l.inputs, rows, l.inputs / 4, dst);
    }
    return;
  }
  thread_local AlignedBuffer<int8_t> scratch;
  scratch.ensure(static_cast<size_t>(rows * bytes));
  for (int64_t g = 0; g < groups; ++g, dst += rows * bytes) {
    std::memset(scratch.data(), 0, static_cast<size_t>(rows * bytes));
    for (int64_t t = 0; t < rows; ++t) {
      const int8_t* from = codes + t * l.inputs + g * l.group_size;
      int8_t* to = scratch.data() + t * bytes;
      if (l.input_bytes == 1) {
        std::memcpy(to, from, static_cast<size_t>(l.group_size));
      } else {
        auto* words = reinterpret_cast<int16_t*>(to);
        for (int64_t k = 0; k < l.group_size; ++k) words[k] = from[k];
      }
    }
    if (l.interleave * l.input_bytes == 4) {
      interleave<int32_t>(scratch.data(), bytes, rows, bytes / 4, dst);
    } else {
      interleave<int8_t>(scratch.data(), bytes, rows, bytes, dst);
    }
  }
}

}  // namespace fptq::kernels
