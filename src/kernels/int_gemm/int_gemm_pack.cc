#include "kernels/int_gemm/int_gemm_pack.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "fptq/error.h"

namespace fptq::kernels {
namespace {

int64_t round_up(int64_t n, int64_t unit) {
  return (n + unit - 1) / unit * unit;
}

// The kernels add up int32 without looking, so that what a group can reach is bounded here: |a - act_zero|
// and, for asymmetric weights, |w - w_zero| span the whole range of their codes. The sum of a group's
// activations must fit what IntActivations::pairs can hold.
void check_group_fits(const PackedIntShape& s, int64_t group_size) {
  const int64_t reach =
      s.spec.symmetric ? (int64_t{1} << (s.spec.bits - 1)) : (int64_t{1} << s.spec.bits) - 1;
  const int64_t longest = std::min<int64_t>(std::numeric_limits<int32_t>::max() / (255 * reach), 1 << 15);
  if (group_size <= longest) return;
  throw Error(ErrorKind::kBadModel, "linear layer",
              "a group of " + std::to_string(group_size) + " inputs may overflow 32-bit sums, the most is " +
                  std::to_string(longest) + " at " + std::to_string(s.spec.bits) + " bits");
}

int64_t group_size_of(const PackedIntShape& s) {
  return s.spec.group_size == 0 ? s.cols : s.spec.group_size;
}

const IntLayout& layout_of(const PackedIntShape& s, const IntKernel& kernel) {
  return s.spec.bits == 4 ? kernel.four_bits : kernel.eight_bits;
}

IntScaleType scale_type_of(DType type) {
  return type == DType::kF32 ? kScaleF32 : type == DType::kF16 ? kScaleF16 : kScaleBF16;
}

// One row's codes as code + bias, a byte each.
void unpack_row(const LinearWeights& w, int64_t row, int32_t bias, uint8_t* dst) {
  const std::byte* src = w.codes.view().row(row);
  if (w.spec.bits == 4) {
    for (int64_t k = 0; k + 1 < w.cols; k += 2) {
      const auto byte = static_cast<unsigned>(src[k / 2]);
      dst[k] = static_cast<uint8_t>(byte & 15u);
      dst[k + 1] = static_cast<uint8_t>(byte >> 4);
    }
    if (w.cols % 2 != 0) dst[w.cols - 1] = static_cast<uint8_t>(static_cast<unsigned>(src[w.cols / 2]) & 15u);
  } else {
    for (int64_t k = 0; k < w.cols; ++k) dst[k] = static_cast<uint8_t>(static_cast<int8_t>(src[k]) + bias);
  }
}

}  // namespace

PackedIntShape packed_shape(const LinearWeights& w) {
  return {w.rows, w.cols, w.spec, w.scales.dtype(), static_cast<bool>(w.bias), !w.activation.symmetric};
}

IntImage int_image(const PackedIntShape& s, const IntKernel& kernel) {
  const IntLayout& layout = layout_of(s, kernel);
  const int64_t group_size = group_size_of(s), block = layout.interleave * (s.spec.bits == 4 ? 2 : 1);
  IntImage image{};
  image.panels = (s.rows + kernel.width - 1) / kernel.width;
  image.groups = s.cols / group_size;
  image.group_inputs = round_up(group_size, block);
  image.group_bytes = image.group_inputs / block * layout.interleave * kernel.width;
  const int64_t cells = image.panels * image.groups * kernel.width;
  int64_t at = 0;
  const auto part = [&at](int64_t bytes) {
    const int64_t begin = at;
    at += round_up(bytes, AlignedBuffer<std::byte>::kAlignment);
    return static_cast<size_t>(begin);
  };
  image.codes = part(image.panels * image.groups * image.group_bytes);
  image.scales = part(cells * static_cast<int64_t>(s.scale_type == DType::kF32 ? 4 : 2));
  image.zeros = part(s.spec.symmetric ? 0 : cells);
  image.sums = part(s.activation_zeros ? 4 * cells : 0);
  image.bias = part(s.bias ? 4 * s.rows : 0);
  image.end = static_cast<size_t>(at);
  return image;
}

PackedTiles::PackedTiles(const PackedIntShape& shape, const IntKernel& kernel)
    : kernel_(kernel), shape_(shape), parts_(int_image(shape, kernel)) {
  const int64_t group_size = group_size_of(shape);
  check_group_fits(shape, group_size);
  input_ = {shape.cols,
            group_size,
            parts_.group_inputs,
            layout().interleave,
            layout().input_bytes,
            kernel.max_height,
            0,
            0,
            layout().code_bias};
  if (parts_.group_inputs % 32 == 0 && parts_.group_inputs == group_size) {
    input_.matrix_from = kernel.matrix_from;
    input_.matrix_height = kernel.matrix_height;
  }
}

PackedTiles::PackedTiles(const PackedIntShape& shape, const std::byte* image, const IntKernel& kernel)
    : PackedTiles(shape, kernel) {
  look_at(image);
}

PackedTiles::PackedTiles(const LinearWeights& w, const IntKernel& kernel)
    : PackedTiles(packed_shape(w), kernel) {
  owned_ = AlignedBuffer<std::byte>(parts_.end);
  owned_.zero();
  for (int64_t panel = 0; panel < parts_.panels; ++panel) pack_panel(w, panel, owned_.data());
  if (w.bias) {
    const AlignedBuffer<float> bias = w.bias.to_floats();
    std::memcpy(owned_.data() + parts_.bias, bias.data(), bias.size() * sizeof(float));
  }
  look_at(owned_.data());
}

void PackedTiles::look_at(const std::byte* image) {
  tiles_.bits = shape_.spec.bits;
  tiles_.code_bias = layout().code_bias;
  tiles_.columns = shape_.rows;
  tiles_.groups = parts_.groups;
  tiles_.group_bytes = parts_.group_bytes;
  tiles_.group_inputs = parts_.group_inputs;
  tiles_.codes = reinterpret_cast<const uint8_t*>(image + parts_.codes);
  tiles_.scale_type = scale_type_of(shape_.scale_type);
  tiles_.scales = image + parts_.scales;
  if (!shape_.spec.symmetric) tiles_.zeros = reinterpret_cast<const int8_t*>(image + parts_.zeros);
  if (shape_.activation_zeros) tiles_.sums = reinterpret_cast<const int32_t*>(image + parts_.sums);
  if (shape_.bias) tiles_.bias = reinterpret_cast<const float*>(image + parts_.bias);
}

void PackedTiles::pack_panel(const LinearWeights& w, int64_t panel, std::byte* image) const {
  const int64_t width = kernel_.width, groups = parts_.groups, group_size = input_.group_size;
  const int interleave = layout().interleave;
  const int64_t block = interleave * (shape_.spec.bits == 4 ? 2 : 1);
  const size_t scale_bytes = shape_.scale_type == DType::kF32 ? 4 : 2;
  thread_local std::vector<uint8_t> row;
  row.resize(static_cast<size_t>(w.cols));
  for (int64_t c = 0; c < width && panel * width + c < w.rows; ++c) {
    const int64_t n = panel * width + c;
    unpack_row(w, n, input_.code_bias, row.data());
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t cell = (panel * groups + g) * width + c, source = n * groups + g;
      std::memcpy(image + parts_.scales + static_cast<size_t>(cell) * scale_bytes,
                  w.scales.bytes().data() + static_cast<size_t>(source) * scale_bytes, scale_bytes);
      const int zero = w.zero_point_at(source);
      if (w.zero_points) image[parts_.zeros + static_cast<size_t>(cell)] = static_cast<std::byte>(zero);
      const uint8_t* codes = row.data() + g * group_size;
      if (shape_.activation_zeros) {
        int32_t sum = 0;
        for (int64_t k = 0; k < group_size; ++k) {
          // Without a bias the byte is a signed code.
          const int stored = input_.code_bias == 0 ? static_cast<int8_t>(codes[k]) : codes[k];
          sum += stored - input_.code_bias - zero;
        }
        std::memcpy(image + parts_.sums + 4 * static_cast<size_t>(cell), &sum, 4);
      }
      auto* group = reinterpret_cast<uint8_t*>(image) + parts_.codes +
                    static_cast<size_t>((panel * groups + g) * parts_.group_bytes + c * interleave);
      for (int64_t k = 0; k < group_size; k += block, group += width * interleave) {
        const int64_t count = std::min(block, group_size - k);
        for (int64_t i = 0; i < std::min<int64_t>(count, interleave); ++i) group[i] = codes[k + i];
        for (int64_t i = interleave; i < count; ++i) {
          group[i - interleave] = static_cast<uint8_t>(group[i - interleave] | (codes[k + i] << 4));
        }
      }
    }
  }
}

}  // namespace fptq::kernels
