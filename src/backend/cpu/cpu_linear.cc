#include "backend/cpu/cpu_linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/aligned_buffer.h"
#include "fptq/error.h"
#include "kernels/dense_gemv/dense_gemv.h"
#include "kernels/int_gemm/int_gemm.h"
#include "linalg/sgemm.h"

namespace fptq {
namespace {

using kernels::Isa;

// Up to this many tokens a product is bound by reading the weights, and the GEMV kernel beats a GEMM.
constexpr int64_t kGemvTokens = 8;
static_assert(CpuLinear::kPanel % kernels::kIntGemmColumns == 0);

AlignedBuffer<float> floats_of(const Tensor& t) {
  return t ? t.to_floats() : AlignedBuffer<float>();
}

// Weights whose rows become floats on the way: dense in their storage type, or codes that no integer kernel
// multiplies with the layer's input.
class FloatLinear final : public CpuLinear {
 public:
  FloatLinear(LinearWeights weights, Isa isa)
      : CpuLinear(weights.activation), isa_(isa), w_(std::move(weights)), bias_(floats_of(w_.bias)) {
    const bool needs_expansion = w_.spec.dense() && dtype_info(w_.weight.dtype()).block_size > 1;
    if (needs_expansion) {
      // Block types decode too slowly to be decoded at every step.
      const AlignedBuffer<float> dense = w_.weight.to_floats();
      w_.weight = Tensor::from_floats({w_.rows, w_.cols}, dense);
      resident_ += dense.size() * sizeof(float);
    }
    if (!w_.spec.dense()) resident_ += w_.codes.bytes().size() + w_.scales.bytes().size();
    gemv_ = w_.spec.dense() ? kernels::dense_gemv(isa, w_.weight.dtype()) : nullptr;
    expand_ = w_.spec.dense() ? kernels::expand_row(isa, w_.weight.dtype()) : nullptr;
    f32_gemv_ = kernels::dense_gemv(isa, DType::kF32);
  }

  int64_t rows() const override { return w_.rows; }
  int64_t cols() const override { return w_.cols; }
  size_t resident_bytes() const override { return resident_; }
  const kernels::IntInputLayout* input() const override { return nullptr; }

  void run(int64_t panel, const float* x, const kernels::IntActivations&, int64_t tokens,
           float* y) const override {
    const int64_t begin = panel * kPanel, end = std::min(begin + kPanel, w_.rows), k = w_.cols, ldy = w_.rows;
    if (tokens <= kGemvTokens && gemv_ != nullptr) {
      gemv_(w_.weight.bytes().data(), k, begin, end, x, tokens, y, ldy);
    } else {
      const float* rows = float_rows(begin, end);
      if (tokens <= kGemvTokens) {
        f32_gemv_(reinterpret_cast<const std::byte*>(rows), k, 0, end - begin, x, tokens, y + begin, ldy);
      } else {
        sgemm(tokens, end - begin, k, 1.0f, {x, k}, {rows, k, true}, 0.0f, y + begin, ldy);
      }
    }
    if (bias_.empty()) return;
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t r = begin; r < end; ++r) y[t * ldy + r] += bias_[static_cast<size_t>(r)];
    }
  }

 private:
  const float* float_rows(int64_t begin, int64_t end) const {
    const int64_t k = w_.cols;
    if (w_.spec.dense() && w_.weight.dtype() == DType::kF32) {
      const std::byte* p = w_.weight.view().row(begin);
      // A mapped tensor may lie at any byte; the GEMM wants whole floats.
      if (reinterpret_cast<uintptr_t>(p) % alignof(float) == 0) return reinterpret_cast<const float*>(p);
    }
    thread_local AlignedBuffer<float> expanded;
    expanded.ensure(static_cast<size_t>(kPanel * k));
    for (int64_t r = begin; r < end; ++r) {
      float* dst = expanded.data() + (r - begin) * k;
      if (expand_ != nullptr) {
        expand_(w_.weight.view().row(r), dst, k);
      } else {
        w_.decode_row(r, dst);
      }
    }
    return expanded.data();
  }

  Isa isa_;
  LinearWeights w_;
  AlignedBuffer<float> bias_;
  size_t resident_ = 0;
  kernels::DenseGemv gemv_ = nullptr;
  kernels::DenseGemv f32_gemv_ = nullptr;
  kernels::ExpandRow expand_ = nullptr;
};

class IntLinear final : public CpuLinear {
 public:
  IntLinear(const LinearWeights& weights, Isa isa)
      : CpuLinear(weights.activation), gemm_(kernels::int_gemm(isa)), packed_(gemm_.pack(weights)) {}
  IntLinear(const PackedLinear& packed, Isa isa)
      : CpuLinear(packed.activation), gemm_(kernels::int_gemm(isa)), packed_(look_at(packed, gemm_)) {}

  int64_t rows() const override { return packed_->rows(); }
  int64_t cols() const override { return packed_->cols(); }
  size_t resident_bytes() const override { return packed_->resident_bytes(); }
  const kernels::IntInputLayout* input() const override { return &packed_->input(); }

  void run(int64_t panel, const float*, const kernels::IntActivations& quantized, int64_t,
           float* y) const override {
    const int64_t begin = panel * kPanel;
    gemm_.run(*packed_, quantized, {begin, std::min(begin + kPanel, rows()), y, rows()});
  }

 private:
  static std::unique_ptr<kernels::PackedInt> look_at(const PackedLinear& p, const kernels::IntGemm& gemm) {
    const kernels::PackedIntShape shape = {p.rows,       p.cols, p.spec,
                                           p.scale_type, p.bias, !p.activation.symmetric};
    const size_t expected = gemm.image_bytes(shape);
    if (p.image.size() != expected) {
      throw Error(ErrorKind::kBadModel, "packed layer",
                  fmt::format("expected an image of {} bytes, found {}", expected, p.image.size()));
    }
    return gemm.packed_from_image(shape, p.image.data());
  }

  const kernels::IntGemm& gemm_;
  std::unique_ptr<kernels::PackedInt> packed_;
};

}  // namespace

std::unique_ptr<CpuLinear> make_cpu_linear(LinearWeights weights, Isa isa) {
  if (has_integer_kernel(weights.spec, weights.activation)) return std::make_unique<IntLinear>(weights, isa);
  return std::make_unique<FloatLinear>(std::move(weights), isa);
}

std::unique_ptr<CpuLinear> make_cpu_linear(const PackedLinear& packed, Isa isa) {
  return std::make_unique<IntLinear>(packed, isa);
}

}  // namespace fptq
