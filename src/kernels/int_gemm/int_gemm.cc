#include "kernels/int_gemm/int_gemm.h"

#include <algorithm>
#include <cstring>

#include "base/aligned_buffer.h"
#include "kernels/int_gemm/int_gemm_pack.h"

namespace fptq::kernels {

extern const IntKernel kIntKernelPortable, kIntKernelAvx2, kIntKernelAvx512Vnni;

namespace {

// Inputs of a panel that are unpacked at a time: 64 times as many bytes, which half of a 32 KiB cache holds.
constexpr int64_t kUnpackInputs = 256;

// A thread's room for one call; grows to the largest layer and stays.
struct Scratch {
  AlignedBuffer<int8_t> a;
  AlignedBuffer<int32_t> a_sums;
  AlignedBuffer<int16_t> a_wide;
  AlignedBuffer<uint8_t> panel;
  AlignedBuffer<float> acc{static_cast<size_t>(kMaxRows * kPanel)};
};

// Rows of activations with every group padded as the weights are.
const int8_t* padded_rows(const PackedTiles& w, const int8_t* a, int64_t rows, Scratch& scratch) {
  const int64_t from = w.group_size(), to = w.tiles().group_inputs, groups = rows * w.tiles().groups;
  if (from == to) return a;
  scratch.a.ensure(static_cast<size_t>(groups * to));
  int8_t* dst = scratch.a.data();
  for (int64_t g = 0; g < groups; ++g) {
    std::memcpy(dst + g * to, a + g * from, static_cast<size_t>(from));
    std::memset(dst + g * to + from, 0, static_cast<size_t>(to - from));
  }
  return dst;
}

void run(const PackedInt& weights, const IntGemmArgs& args) {
  static thread_local Scratch scratch;
  const auto& packed = static_cast<const PackedTiles&>(weights);
  const IntTiles& tiles = packed.tiles();
  const int64_t inputs = tiles.groups * tiles.group_inputs;
  const int64_t max_rows = std::min(args.m, kMaxRows);

  IntRows rows{};
  rows.begin = args.n_begin;
  rows.end = args.n_end;
  rows.ldy = args.ldy;
  rows.panel_groups = std::max<int64_t>(1, kUnpackInputs / tiles.group_inputs);
  scratch.a_sums.ensure(static_cast<size_t>(max_rows * tiles.groups));
  if (packed.layout().widens_activations) scratch.a_wide.ensure(static_cast<size_t>(max_rows * inputs));
  scratch.panel.ensure(
      static_cast<size_t>(rows.panel_groups * tiles.group_inputs * kPanel * packed.layout().unpacked_bytes));
  rows.a_sums = scratch.a_sums.data();
  rows.a_wide = scratch.a_wide.data();
  rows.panel = scratch.panel.data();
  rows.acc = scratch.acc.data();

  for (int64_t m = 0; m < args.m; m += kMaxRows) {
    rows.rows = std::min(args.m - m, kMaxRows);
    rows.a = padded_rows(packed, args.a + m * packed.cols(), rows.rows, scratch);
    rows.act_scale = args.act_scale + m;
    rows.act_zero = args.act_zero == nullptr ? nullptr : args.act_zero + m;
    rows.y = args.y + m * args.ldy;
    packed.kernel().run(tiles, rows);
  }
}

template <const IntKernel& kernel>
std::unique_ptr<PackedInt> pack(const LinearWeights& weights) {
  return std::make_unique<PackedTiles>(weights, kernel);
}

template <const IntKernel& kernel>
constexpr IntGemm kGemm = {pack<kernel>, run};

}  // namespace

const IntGemm& int_gemm(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return kGemm<kIntKernelPortable>;
    case Isa::kAvx2:
      return kGemm<kIntKernelAvx2>;
    case Isa::kAvx512Vnni:
      return kGemm<kIntKernelAvx512Vnni>;
  }
  return kGemm<kIntKernelPortable>;
}

}  // namespace fptq::kernels
