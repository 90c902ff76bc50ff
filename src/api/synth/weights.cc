#include "api/synth/weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>

namespace fptq {
namespace {

constexpr int64_t kRowsAtATime = 16;

// SplitMix64 (Steele, Lea, Flood 2014): the n-th number of a stream is a hash of its place.
uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

class RowRandom {
 public:
  RowRandom(uint64_t seed, uint64_t stream, int64_t row)
      : state_(mixed(mixed(mixed(seed + kStep) + stream) + static_cast<uint64_t>(row))) {}
  uint64_t next() { return mixed(state_ += kStep); }

 private:
  static constexpr uint64_t kStep = 0x9e3779b97f4a7c15u;
  uint64_t state_;
};

double normal_below(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0));
}

// The middle of each of `count` slices of equal probability, by bisection; the lower half mirrors the upper.
std::vector<float> normal_quantiles(size_t count) {
  std::vector<float> out(count);
  for (size_t i = count / 2; i < count; ++i) {
    const double p = (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    double low = 0, high = 8;
    for (int step = 0; step < 40; ++step) {
      const double middle = (low + high) / 2;
      (normal_below(middle) < p ? low : high) = middle;
    }
    out[i] = static_cast<float>(low);
    out[count - 1 - i] = -out[i];
  }
  return out;
}

void for_rows(ThreadPool& pool, int64_t rows, const std::function<void(int64_t)>& row) {
  pool.parallel_for(rows, kRowsAtATime, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) row(r);
  });
}

// Largest weight of a group of 128, in deviations: the expected maximum of so many normal values.
constexpr double kGroupMaximum = 2.75;

// One step of the grid, in deviations.
double step_of(const WeightSpec& spec) {
  const int steps = (1 << spec.bits) - 1;
  return spec.symmetric ? kGroupMaximum / (steps / 2) : 2 * kGroupMaximum / steps;
}

// The code of the middle of each of 256 equally likely slices.
std::array<int8_t, 256> code_table(std::span<const float> quantiles, const WeightSpec& spec) {
  std::array<int8_t, 256> table{};
  const double step = step_of(spec), highest = (1 << (spec.bits - 1)) - 1;
  const size_t slice = quantiles.size() / table.size();
  for (size_t i = 0; i < table.size(); ++i) {
    const double code = std::nearbyint(static_cast<double>(quantiles[i * slice + slice / 2]) / step);
    table[i] = static_cast<int8_t>(std::clamp(code, spec.symmetric ? -highest : -highest - 1, highest));
  }
  return table;
}

int64_t code_row_bytes(const WeightSpec& spec, int64_t cols) {
  return spec.bits == 4 ? packed_row_bytes(cols) : cols;
}

DType code_dtype(const WeightSpec& spec) {
  return spec.bits == 4 ? DType::kU8 : DType::kI8;
}

}  // namespace

RandomWeights::RandomWeights(uint64_t seed, ThreadPool& pool)
    : seed_(seed), pool_(pool), quantiles_(normal_quantiles(65536)) {}

Tensor RandomWeights::dense(uint64_t stream, int64_t rows, int64_t cols, double deviation,
                            int64_t quiet_from) const {
  const auto stored = [&](double factor) {
    std::vector<float> values(quantiles_.size());
    std::ranges::transform(quantiles_, values.begin(),
                           [&](float q) { return static_cast<float>(q * factor); });
    std::vector<uint16_t> table(values.size());
    encode_row(DType::kBF16, values.data(), reinterpret_cast<std::byte*>(table.data()),
               static_cast<int64_t>(values.size()));
    return table;
  };
  const std::vector<uint16_t> loud = stored(deviation), quiet = stored(deviation / 4);
  std::byte* data = nullptr;
  Tensor out = Tensor::allocate(DType::kBF16, {rows, cols}, &data);
  for_rows(pool_, rows, [&](int64_t r) {
    const std::vector<uint16_t>& table = r < quiet_from ? loud : quiet;
    RowRandom random(seed_, stream, r);
    std::byte* row = data + r * cols * 2;
    uint64_t bits = 0;
    for (int64_t c = 0; c < cols; ++c, bits >>= 16) {
      if (c % 4 == 0) bits = random.next();
      std::memcpy(row + c * 2, &table[bits & 0xffff], 2);
    }
  });
  return out;
}

LinearWeights blank_quantized(int64_t rows, int64_t cols, const WeightSpec& spec) {
  LinearWeights out;
  out.rows = rows;
  out.cols = cols;
  out.spec = spec;
  const auto allocate = [](DType dtype, int64_t n, int64_t width) {
    std::byte* data = nullptr;
    Tensor t = Tensor::allocate(dtype, {n, width}, &data);
    std::memset(data, 0, t.bytes().size());
    return t;
  };
  out.codes = allocate(code_dtype(spec), rows, code_row_bytes(spec, cols));
  std::byte* scales = nullptr;
  out.scales = Tensor::allocate(DType::kBF16, {rows, out.groups()}, &scales);
  const std::vector<float> ones(static_cast<size_t>(rows * out.groups()), 1.0f);
  encode_row(DType::kBF16, ones.data(), scales, std::ssize(ones));
  if (!spec.symmetric) out.zero_points = allocate(DType::kI8, rows, out.groups());
  return out;
}

LinearWeights RandomWeights::quantized(uint64_t stream, int64_t rows, int64_t cols, double deviation,
                                       const WeightSpec& spec, int64_t quiet_from) const {
  LinearWeights out;
  out.rows = rows;
  out.cols = cols;
  out.spec = spec;
  const int64_t groups = out.groups(), row_bytes = code_row_bytes(spec, cols);
  std::byte *codes = nullptr, *scales = nullptr, *zeros = nullptr;
  out.codes = Tensor::allocate(code_dtype(spec), {rows, row_bytes}, &codes);
  out.scales = Tensor::allocate(DType::kBF16, {rows, groups}, &scales);
  if (!spec.symmetric) out.zero_points = Tensor::allocate(DType::kI8, {rows, groups}, &zeros);

  const std::array<int8_t, 256> table = code_table(quantiles_, spec);
  const double step = deviation * step_of(spec);
  for_rows(pool_, rows, [&](int64_t r) {
    RowRandom random(seed_, stream, r);
    std::vector<float> row_scales(static_cast<size_t>(groups));
    const double loudness = r < quiet_from ? step : step / 4;
    for (int64_t g = 0; g < groups; ++g) {
      const uint64_t bits = random.next();
      // Maxima of groups differ by some ten percent.
      const double jitter = 0.9 + 0.2 * static_cast<double>(bits >> 40) / static_cast<double>(1 << 24);
      row_scales[static_cast<size_t>(g)] = static_cast<float>(loudness * jitter);
      if (zeros != nullptr) zeros[r * groups + g] = static_cast<std::byte>(static_cast<int>(bits % 3) - 1);
    }
    encode_row(DType::kBF16, row_scales.data(), scales + r * groups * 2, groups);
    std::byte* row = codes + r * row_bytes;
    uint64_t bits = 0;
    if (spec.bits == 4) {
      for (int64_t b = 0; b < row_bytes; ++b, bits >>= 16) {
        if (b % 4 == 0) bits = random.next();
        row[b] = static_cast<std::byte>((table[bits & 0xff] + 8) | (table[bits >> 8 & 0xff] + 8) << 4);
      }
    } else {
      for (int64_t b = 0; b < row_bytes; ++b, bits >>= 8) {
        if (b % 8 == 0) bits = random.next();
        row[b] = static_cast<std::byte>(table[bits & 0xff]);
      }
    }
  });
  return out;
}

}  // namespace fptq
