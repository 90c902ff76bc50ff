#include "kernels/int_gemm/int_gemm_pack.h"

#include <limits>
#include <string>

#include "fptq/error.h"

namespace fptq::kernels {
namespace {

int64_t round_up(int64_t n, int64_t unit) {
  return (n + unit - 1) / unit * unit;
}

// The kernels add up int32 without looking, so that what a group can reach is bounded here: |a - act_zero|
// and, for asymmetric weights, |w - w_zero| span the whole range of their codes.
void check_group_fits(const LinearWeights& w) {
  const int64_t reach =
      w.spec.symmetric ? (int64_t{1} << (w.spec.bits - 1)) : (int64_t{1} << w.spec.bits) - 1;
  const int64_t longest = std::numeric_limits<int32_t>::max() / (255 * reach);
  if (w.group_size() <= longest) return;
  throw Error(ErrorKind::kBadModel, "linear layer",
              "a group of " + std::to_string(w.group_size()) +
                  " inputs may overflow 32-bit sums, the most is " + std::to_string(longest) + " at " +
                  std::to_string(w.spec.bits) + " bits");
}

// One row's codes as code + bias, a byte each.
void unpack_row(const LinearWeights& w, int64_t row, int32_t bias, uint8_t* dst) {
  const std::byte* src = w.codes.view().row(row);
  if (w.spec.bits == 4) {
    for (int64_t k = 0; k < w.cols; ++k) {
      dst[k] = static_cast<uint8_t>((static_cast<unsigned>(src[k / 2]) >> (4 * (k % 2))) & 15u);
    }
  } else {
    for (int64_t k = 0; k < w.cols; ++k) dst[k] = static_cast<uint8_t>(static_cast<int8_t>(src[k]) + bias);
  }
}

}  // namespace

PackedTiles::PackedTiles(const LinearWeights& w, const IntKernel& kernel)
    : kernel_(kernel), cols_(w.cols), group_size_(w.group_size()) {
  check_group_fits(w);
  tiles_.bits = w.spec.bits;
  tiles_.columns = w.rows;
  tiles_.groups = w.groups();
  tiles_.code_bias = layout().code_bias;
  const int64_t step_inputs = layout().interleave * (w.spec.bits == 4 ? 2 : 1);
  tiles_.group_inputs = round_up(group_size_, step_inputs);
  tiles_.group_bytes = tiles_.group_inputs / step_inputs * layout().interleave * kPanel;

  const int64_t padded = round_up(w.rows, kPanel);
  const auto cells = static_cast<size_t>(padded * tiles_.groups);
  codes_ = AlignedBuffer<uint8_t>(static_cast<size_t>(padded / kPanel * tiles_.groups * tiles_.group_bytes));
  codes_.zero();
  scales_ = AlignedBuffer<float>(cells);
  scales_.zero();
  sums_ = AlignedBuffer<int32_t>(cells);
  sums_.zero();
  if (w.zero_points) {
    offsets_ = AlignedBuffer<int32_t>(cells);
    offsets_.zero();
  }
  if (w.bias) bias_ = w.bias.to_floats();

  const AlignedBuffer<float> scales = w.scales.to_floats();
  AlignedBuffer<uint8_t> row(static_cast<size_t>(w.cols));
  for (int64_t n = 0; n < w.rows; ++n) {
    unpack_row(w, n, tiles_.code_bias, row.data());
    pack_row(n, row.data());
    for (int64_t g = 0; g < tiles_.groups; ++g) {
      const auto cell = static_cast<size_t>((n / kPanel * tiles_.groups + g) * kPanel + n % kPanel);
      const auto source = static_cast<size_t>(n * tiles_.groups + g);
      scales_[cell] = scales[source];
      const int zero = w.zero_points ? static_cast<int8_t>(w.zero_points.bytes()[source]) : 0;
      if (w.zero_points) offsets_[cell] = tiles_.code_bias + zero;
      int32_t sum = 0;
      for (int64_t k = g * group_size_; k < (g + 1) * group_size_; ++k) {
        // At 8 bits without a bias the byte is a signed code.
        const int stored = tiles_.code_bias == 0 ? static_cast<int8_t>(row[k]) : row[k];
        sum += stored - tiles_.code_bias - zero;
      }
      sums_[cell] = sum;
    }
  }
  tiles_.codes = codes_.data();
  tiles_.scales = scales_.data();
  tiles_.offsets = offsets_.data();
  tiles_.sums = sums_.data();
  tiles_.bias = bias_.data();
}

void PackedTiles::pack_row(int64_t n, const uint8_t* codes) {
  const int interleave = layout().interleave;
  const int64_t step_inputs = interleave * (tiles_.bits == 4 ? 2 : 1);
  for (int64_t g = 0; g < tiles_.groups; ++g) {
    uint8_t* group =
        codes_.data() + (n / kPanel * tiles_.groups + g) * tiles_.group_bytes + n % kPanel * interleave;
    for (int64_t k = 0; k < group_size_; ++k) {
      const int64_t in_step = k % step_inputs;
      uint8_t& byte = group[k / step_inputs * kPanel * interleave + in_step % interleave];
      const int shift = in_step < interleave ? 0 : 4;
      byte = static_cast<uint8_t>(byte | (codes[g * group_size_ + k] << shift));
    }
  }
}

size_t PackedTiles::bytes() const {
  return codes_.size() + scales_.size() * sizeof(float) + bias_.size() * sizeof(float) +
         (offsets_.size() + sums_.size()) * sizeof(int32_t);
}

}  // namespace fptq::kernels
