#include "kernels/int_gemm/int_gemm.h"

#include <algorithm>

#include "base/aligned_buffer.h"
#include "kernels/int_gemm/int_gemm_pack.h"

namespace fptq::kernels {

extern const IntKernel kIntKernelPortable, kIntKernelAvx2, kIntKernelAvx512Vnni, kIntKernelAmxInt8;

namespace {

// Activations of one pass over the columns: they stay in the second-level cache beside an unpacked panel.
constexpr int64_t kPassBytes = 384 << 10;

void run(const PackedInt& weights, const IntActivations& a, const IntGemmCall& call) {
  static thread_local AlignedBuffer<uint8_t> panel;
  const auto& packed = static_cast<const PackedTiles&>(weights);
  const IntInputLayout& layout = a.layout();
  panel.ensure(static_cast<size_t>(layout.groups() * layout.group_inputs * packed.kernel().width *
                                   packed.layout().unpacked_bytes));
  const int64_t tiles = a.tiles();
  const int64_t passes = std::min(tiles, (a.rows() * layout.row_bytes() + kPassBytes - 1) / kPassBytes);
  for (int64_t pass = 0; pass < passes; ++pass) {
    const int64_t first = tiles * pass / passes, last = tiles * (pass + 1) / passes;
    const int64_t row = first * a.height();
    IntRows rows{};
    rows.matrix = a.matrix();
    rows.a = a.codes(first);
    rows.starts = a.starts(first);
    rows.pairs = a.pairs(first);
    rows.rows = std::min(a.rows(), last * a.height()) - row;
    rows.height = a.height();
    rows.act_scale = a.scales() + row;
    rows.act_zero = a.zeros() == nullptr ? nullptr : a.zeros() + row;
    rows.begin = call.n_begin;
    rows.end = call.n_end;
    rows.y = call.y + row * call.ldy;
    rows.ldy = call.ldy;
    rows.panel = panel.data();
    packed.kernel().run(packed.tiles(), rows);
  }
}

template <const IntKernel& kernel>
std::unique_ptr<PackedInt> pack(const LinearWeights& weights) {
  return std::make_unique<PackedTiles>(weights, kernel);
}

template <const IntKernel& kernel>
size_t image_bytes(const PackedIntShape& shape) {
  return int_image(shape, kernel).end;
}

template <const IntKernel& kernel>
std::unique_ptr<PackedInt> packed_from_image(const PackedIntShape& shape, const std::byte* image) {
  return std::make_unique<PackedTiles>(shape, image, kernel);
}

template <const IntKernel& kernel>
constexpr IntGemm kGemm = {pack<kernel>, image_bytes<kernel>, packed_from_image<kernel>, run};

}  // namespace

const IntGemm& int_gemm(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return kGemm<kIntKernelPortable>;
    case Isa::kAvx2:
      return kGemm<kIntKernelAvx2>;
    case Isa::kAvx512Vnni:
      return kGemm<kIntKernelAvx512Vnni>;
    case Isa::kAmxInt8:
      return kGemm<kIntKernelAmxInt8>;
  }
  return kGemm<kIntKernelPortable>;
}

}  // namespace fptq::kernels
