#include "kernels/int_gemm/int_gemm.h"

#include <cmath>

#include "fptq/error.h"
#include "kernels/kernel_test.h"

namespace fptq::kernels {
namespace {

struct Form {
  int bits = 4;
  int64_t group_size = 0;
  bool symmetric = true;
  bool bias = false;
  bool act_zero = false;
};

std::string to_string(const Form& f) {
  return std::to_string(f.bits) + " bits, group " + std::to_string(f.group_size) +
         (f.symmetric ? "" : ", asymmetric") + (f.bias ? ", bias" : "") + (f.act_zero ? ", act_zero" : "");
}

// A layer with its plain codes beside it; `extreme` draws only the ends of every range.
struct Layer {
  LinearWeights weights;
  std::vector<int> codes;  // [n, k]
  std::vector<int> zeros;  // [n, groups]
  std::vector<float> scales;
  std::vector<float> bias;
};

Layer make_layer(Random& random, int64_t n, int64_t k, const Form& form, bool extreme) {
  const int low = form.bits == 4 ? -8 : -128, high = -low - 1;
  const auto draw = [&](int lo, int hi) {
    return extreme ? (random.integer(0, 1) != 0 ? lo : hi) : random.integer(lo, hi);
  };
  Layer layer;
  LinearWeights& w = layer.weights;
  w.rows = n;
  w.cols = k;
  w.spec = {form.bits, form.group_size, form.symmetric};
  w.activation = {ActivationMode::kDynamicToken, !form.act_zero};
  std::byte* bytes = nullptr;
  w.codes = Tensor::allocate(form.bits == 4 ? DType::kU8 : DType::kI8,
                             {n, form.bits == 4 ? packed_row_bytes(k) : k}, &bytes);
  const int64_t row_bytes = form.bits == 4 ? packed_row_bytes(k) : k;
  // The file's own padding of a row is no code and must not be read as one.
  std::fill(bytes, bytes + n * row_bytes, static_cast<std::byte>(0xff));
  for (int64_t r = 0; r < n; ++r) {
    for (int64_t c = 0; c < k; ++c) {
      const int code = draw(low, high);
      layer.codes.push_back(code);
      if (form.bits == 8) {
        bytes[r * row_bytes + c] = static_cast<std::byte>(code);
      } else {
        std::byte& b = bytes[r * row_bytes + c / 2];
        const int shift = 4 * static_cast<int>(c % 2);
        b = (b & ~(std::byte{15} << shift)) | static_cast<std::byte>((code + 8) << shift);
      }
    }
  }
  for (int64_t i = 0; i < n * w.groups(); ++i) {
    const float scale = extreme ? 0x1p-120f : std::exp2(random.real(-12, -4));
    layer.scales.push_back(random.integer(0, 1) != 0 ? -scale : scale);
    layer.zeros.push_back(form.symmetric ? 0 : draw(low, high));
  }
  w.scales = Tensor::from_floats({n, w.groups()}, layer.scales);
  if (!form.symmetric) {
    w.zero_points = Tensor::allocate(DType::kI8, {n, w.groups()}, &bytes);
    for (size_t i = 0; i < layer.zeros.size(); ++i) bytes[i] = static_cast<std::byte>(layer.zeros[i]);
  }
  if (form.bias) {
    layer.bias = random.reals(n);
    w.bias = Tensor::from_floats({n}, layer.bias);
  }
  w.validate("test");
  return layer;
}

struct Activations {
  std::vector<int8_t> a;
  std::vector<float> scale;
  std::vector<int32_t> zero;
};

Activations make_activations(Random& random, int64_t m, int64_t k, bool extreme) {
  Activations x;
  for (int64_t i = 0; i < m * k; ++i) {
    x.a.push_back(
        static_cast<int8_t>(extreme ? (random.integer(0, 3) != 0 ? -128 : 127) : random.integer(-128, 127)));
  }
  for (int64_t i = 0; i < m; ++i) {
    x.scale.push_back(std::exp2(random.real(-10, -2)));
    x.zero.push_back(extreme ? (random.integer(0, 1) != 0 ? -128 : 127) : random.integer(-128, 127));
  }
  return x;
}

// The formula of the header, written down naively.
std::vector<float> reference(const Layer& layer, const Activations& x, bool act_zero) {
  const LinearWeights& w = layer.weights;
  const int64_t m = static_cast<int64_t>(x.scale.size()), n = w.rows, k = w.cols, size = w.group_size();
  std::vector<float> y;
  for (int64_t t = 0; t < m; ++t) {
    for (int64_t r = 0; r < n; ++r) {
      float acc = 0.0f;
      for (int64_t g = 0; g < w.groups(); ++g) {
        int64_t dot = 0;
        for (int64_t c = g * size; c < (g + 1) * size; ++c) {
          const int64_t a = x.a[t * k + c] - (act_zero ? x.zero[t] : 0);
          dot += a * (layer.codes[r * k + c] - layer.zeros[r * w.groups() + g]);
        }
        acc = std::fma(static_cast<float>(dot), layer.scales[r * w.groups() + g], acc);
      }
      const float scaled = acc * x.scale[t];
      y.push_back(layer.bias.empty() ? scaled : scaled + layer.bias[r]);
    }
  }
  return y;
}

// Columns [begin, end) of y [m, n + 3]; whatever is outside stays what it was.
constexpr float kUntouched = -12345.0f;

// The activations in the layout that `packed` wants.
void prepare(const PackedInt& packed, const Activations& x, bool act_zero, IntActivations& a) {
  const int64_t m = static_cast<int64_t>(x.scale.size()), k = packed.cols();
  a.reshape(packed.input(), m, act_zero);
  for (int64_t tile = 0; tile < a.tiles(); ++tile) a.fill(tile, x.a.data() + tile * a.height() * k);
  std::copy(x.scale.begin(), x.scale.end(), a.scales());
  if (act_zero) std::copy(x.zero.begin(), x.zero.end(), a.zeros());
}

std::vector<float> run(Isa isa, const PackedInt& packed, const Activations& x, bool act_zero, int64_t begin,
                       int64_t end) {
  const int64_t m = static_cast<int64_t>(x.scale.size()), ldy = packed.rows() + 3;
  std::vector<float> y(static_cast<size_t>(m * ldy), kUntouched);
  IntActivations a;
  prepare(packed, x, act_zero, a);
  int_gemm(isa).run(packed, a, {begin, end, y.data(), ldy});
  return y;
}

void check(Isa isa, int64_t m, int64_t n, int64_t k, const Form& form, bool extreme = false) {
  SCOPED_TRACE(::testing::Message() << "m " << m << ", n " << n << ", k " << k << ", " << to_string(form)
                                    << (extreme ? ", extreme" : ""));
  Random random(static_cast<uint32_t>(m * 1000003 + n * 1009 + k));
  const Layer layer = make_layer(random, n, k, form, extreme);
  const Activations x = make_activations(random, m, k, extreme);
  const auto packed = int_gemm(isa).pack(layer.weights);
  ASSERT_EQ(packed->rows(), n);
  ASSERT_EQ(packed->cols(), k);

  const std::vector<float> expected = reference(layer, x, form.act_zero);
  const std::vector<float> y = run(isa, *packed, x, form.act_zero, 0, n);
  for (int64_t t = 0; t < m; ++t) {
    for (int64_t r = 0; r < n + 3; ++r) {
      const float want = r < n ? expected[t * n + r] : kUntouched;
      ASSERT_EQ(std::bit_cast<uint32_t>(y[t * (n + 3) + r]), std::bit_cast<uint32_t>(want))
          << "y[" << t << ", " << r << "] = " << y[t * (n + 3) + r] << ", expected " << want;
    }
  }
}

class IntGemmTest : public KernelTest {};

std::vector<Form> forms(int64_t group_size) {
  std::vector<Form> all;
  for (const int width : {4, 8}) {
    for (const bool symmetric : {true, false}) {
      for (const bool act_zero : {false, true})
        all.push_back({width, group_size, symmetric, act_zero, act_zero});
    }
  }
  return all;
}

// Row tiles are up to 6 and 12 rows, a single tile takes another path.
TEST_P(IntGemmTest, RowsAroundEveryTile) {
  for (const int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 24, 25, 37, 97}) {
    for (const Form& form : forms(32)) check(GetParam(), m, 65, 64, form);
  }
}

// Panels are 16 or 32 columns, registers 8 or 16.
TEST_P(IntGemmTest, ColumnsAroundEveryPanel) {
  for (const int64_t n : {1, 2, 7, 8, 9, 15, 17, 31, 63, 64, 65, 100, 127, 128, 129, 192}) {
    for (const int64_t m : {1, 5}) {
      for (const Form& form : forms(0)) check(GetParam(), m, n, 48, form);
    }
  }
}

// Blocks are 1, 2, 4 or 8 inputs, int16 sums are widened after 32.
TEST_P(IntGemmTest, InputsAroundEveryBlock) {
  struct Size {
    int64_t k, group;
  };
  for (const Size s : {Size{1, 0},  {2, 0},    {3, 0},    {4, 0},     {5, 0},     {7, 0},    {8, 0},
                       {9, 0},      {31, 0},   {32, 0},   {33, 0},    {36, 0},    {39, 0},   {63, 0},
                       {65, 0},     {172, 0},  {255, 0},  {257, 0},   {321, 0},   {6, 2},    {15, 5},
                       {21, 7},     {60, 12},  {99, 33},  {300, 100}, {32, 32},   {576, 64}, {640, 128},
                       {1536, 128}, {1536, 0}, {288, 32}, {512, 256}, {1032, 344}}) {
    for (const int64_t m : {1, 6}) {
      for (const Form& form : forms(s.group)) check(GetParam(), m, 66, s.k, form);
    }
  }
}

// Sums reach the ends of int16 and int32 lanes and of the saturating instructions; scales are tiny.
TEST_P(IntGemmTest, ExtremeCodes) {
  for (const int64_t k : {32, 40, 256, 576}) {
    for (const int64_t m : {1, 7}) {
      for (const Form& form : forms(0)) check(GetParam(), m, 64, k, form, true);
      if (k % 32 != 0) continue;
      for (const Form& form : forms(32)) check(GetParam(), m, 64, k, form, true);
    }
  }
}

TEST_P(IntGemmTest, AllCodesAtTheSameEnd) {
  for (const int width : {4, 8}) {
    for (const bool top_weight : {false, true}) {
      for (const int activation : {-128, 127}) {
        const int code = top_weight ? (width == 4 ? 7 : 127) : (width == 4 ? -8 : -128);
        const int64_t k = 320;
        Random random(1);
        Layer layer = make_layer(random, 64, k, {width, 0}, false);
        std::byte* bytes = nullptr;
        layer.weights.codes =
            Tensor::allocate(layer.weights.codes.dtype(), layer.weights.codes.shape(), &bytes);
        std::fill(bytes, bytes + layer.weights.codes.bytes().size(),
                  static_cast<std::byte>(width == 4 ? (code + 8) * 17 : code));
        std::fill(layer.codes.begin(), layer.codes.end(), code);
        Activations x = make_activations(random, 7, k, false);
        std::fill(x.a.begin(), x.a.end(), static_cast<int8_t>(activation));
        const auto packed = int_gemm(GetParam()).pack(layer.weights);
        const std::vector<float> all = run(GetParam(), *packed, x, false, 0, 64);
        std::vector<float> y;
        for (int64_t t = 0; t < 7; ++t) y.insert(y.end(), all.begin() + t * 67, all.begin() + t * 67 + 64);
        EXPECT_EQ(bits(y), bits(reference(layer, x, false)));
      }
    }
  }
}

TEST_P(IntGemmTest, CutsOfTheColumnsAndOfTheRowsGiveTheSameBits) {
  Random random(5);
  for (const Form& form : forms(64)) {
    const int64_t m = 13, n = 200, k = 192;
    const Layer layer = make_layer(random, n, k, form, false);
    const Activations x = make_activations(random, m, k, false);
    const auto packed = int_gemm(GetParam()).pack(layer.weights);
    const std::vector<float> whole = run(GetParam(), *packed, x, form.act_zero, 0, n);
    for (int64_t begin = 0; begin < n; begin += kIntGemmColumns) {
      const int64_t end = std::min(begin + kIntGemmColumns, n);
      const std::vector<float> part = run(GetParam(), *packed, x, form.act_zero, begin, end);
      for (size_t i = 0; i < part.size(); ++i) {
        const int64_t column = static_cast<int64_t>(i) % (n + 3);
        EXPECT_EQ(part[i], column >= begin && column < end ? whole[i] : kUntouched);
      }
    }
    for (int64_t t = 0; t < m; ++t) {
      Activations one;
      one.a.assign(x.a.begin() + t * k, x.a.begin() + (t + 1) * k);
      one.scale = {x.scale[t]};
      one.zero = {x.zero[t]};
      const std::vector<float> row = run(GetParam(), *packed, one, form.act_zero, 0, n);
      EXPECT_EQ(row, std::vector<float>(whole.begin() + t * (n + 3), whole.begin() + (t + 1) * (n + 3)));
    }
  }
}

TEST_P(IntGemmTest, ScalesOfSixteenBitsAreTheSameNumbers) {
  for (const DType type : {DType::kF16, DType::kBF16}) {
    Random random(6);
    Layer layer = make_layer(random, 64, 64, {4, 32}, false);
    std::byte* bytes = nullptr;
    Tensor half = Tensor::allocate(type, {64, 2}, &bytes);
    encode_row(type, layer.scales.data(), bytes, 128);
    decode_row(type, bytes, layer.scales.data(), 128);
    layer.weights.scales = half;
    const Activations x = make_activations(random, 1, 64, false);
    const auto packed = int_gemm(GetParam()).pack(layer.weights);
    std::vector<float> y = run(GetParam(), *packed, x, false, 0, 64);
    y.resize(64);
    EXPECT_EQ(bits(y), bits(reference(layer, x, false)));
  }
}

// Rows beyond what fits the cache pass in several turns.
TEST_P(IntGemmTest, ManyLongRows) {
  check(GetParam(), 130, 33, 4096, {4, 128, true});
}

TEST_P(IntGemmTest, AnImageHoldsCodesAndScalesInTheirOwnSize) {
  Random random(7);
  const Layer layer = make_layer(random, 64, 128, {4, 128}, false);
  const auto packed = int_gemm(GetParam()).pack(layer.weights);
  EXPECT_EQ(packed->image().size(), 64u * 128 / 2 + 64 * 4);
  EXPECT_EQ(packed->resident_bytes(), packed->image().size());
  EXPECT_EQ(int_gemm(GetParam()).image_bytes(packed_shape(layer.weights)), packed->image().size());
}

TEST_P(IntGemmTest, ALayerRunsFromACopyOfItsImage) {
  Random random(9);
  for (const Form& form : forms(64)) {
    const Layer layer = make_layer(random, 100, 128, form, false);
    const Activations x = make_activations(random, 5, 128, false);
    const auto packed = int_gemm(GetParam()).pack(layer.weights);
    AlignedBuffer<std::byte> copy(packed->image().size());
    std::copy(packed->image().begin(), packed->image().end(), copy.begin());
    const auto mapped = int_gemm(GetParam()).packed_from_image(packed_shape(layer.weights), copy.data());
    EXPECT_EQ(mapped->resident_bytes(), 0u);
    EXPECT_EQ(run(GetParam(), *mapped, x, form.act_zero, 0, 100),
              run(GetParam(), *packed, x, form.act_zero, 0, 100));
  }
}

TEST_P(IntGemmTest, AGroupThatCouldOverflowIsRefused) {
  // The sum of 32769 activations of -128 leaves the words it is multiplied in.
  Random random(8);
  const Layer fits = make_layer(random, 1, 32768, {8, 0, false}, false);
  EXPECT_NO_THROW(int_gemm(GetParam()).pack(fits.weights));
  const Layer overflows = make_layer(random, 1, 32769, {8, 0, false}, false);
  try {
    int_gemm(GetParam()).pack(overflows.weights);
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kBadModel);
    EXPECT_NE(std::string(e.what()).find("32768"), std::string::npos) << e.what();
  }
}

FPTQ_FOR_EVERY_ISA(IntGemmTest);

}  // namespace
}  // namespace fptq::kernels
