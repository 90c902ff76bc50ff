#include "quant/deviation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "quant/group_ends.h"

namespace fptq {
namespace {

constexpr int64_t kChunkWeights = 1 << 16;

struct Sums {
  double error = 0.0;
  double signal = 0.0;
  int64_t clipped = 0;
  float smallest_scale = std::numeric_limits<float>::infinity(), largest_scale = 0.0f;
};

// Weights of row `r` beyond their group's ends, and its scales.
void look_at_groups(const LinearWeights& quantized, int64_t r, std::span<const float> row, Sums& sums) {
  const int64_t size = quantized.group_size(), cols = quantized.cols;
  for (int64_t c = 0; c < cols;) {
    // Groups of NF4 go on across the ends of rows.
    const int64_t end = std::min(cols, c + size - (r * cols + c) % size);
    const GroupEnds ends = group_ends(quantized, r, c);
    sums.smallest_scale = std::min(sums.smallest_scale, std::fabs(ends.scale));
    sums.largest_scale = std::max(sums.largest_scale, std::fabs(ends.scale));
    for (; c < end; ++c) {
      const float w = row[static_cast<size_t>(c)];
      sums.clipped += w < ends.low || w > ends.high ? 1 : 0;
    }
  }
}

}  // namespace

double decibels(double relative_error) {
  constexpr double kLossless = 200.0;
  return relative_error == 0.0 ? kLossless : std::min(-10.0 * std::log10(relative_error), kLossless);
}

Deviation measure_deviation(const WeightRows& original, const LinearWeights& quantized, ThreadPool& pool) {
  const int64_t cols = original.cols();
  std::vector<Sums> rows(static_cast<size_t>(original.rows()));
  pool.parallel_for(original.rows(), std::max<int64_t>(1, kChunkWeights / cols),
                    [&](int64_t begin, int64_t end) {
                      std::vector<float> w(static_cast<size_t>(cols)), q(static_cast<size_t>(cols));
                      for (int64_t r = begin; r < end; ++r) {
                        original.read(r, w.data());
                        quantized.decode_row(r, q.data());
                        Sums& sums = rows[static_cast<size_t>(r)];
                        for (size_t j = 0; j < w.size(); ++j) {
                          const double x = w[j], e = static_cast<double>(q[j]) - x;
                          sums.error += e * e;
                          sums.signal += x * x;
                        }
                        if (!quantized.spec.dense()) look_at_groups(quantized, r, w, sums);
                      }
                    });
  Sums total;
  for (const Sums& sums : rows) {
    total.error += sums.error;
    total.signal += sums.signal;
    total.clipped += sums.clipped;
    total.smallest_scale = std::min(total.smallest_scale, sums.smallest_scale);
    total.largest_scale = std::max(total.largest_scale, sums.largest_scale);
  }
  Deviation deviation;
  if (!quantized.spec.dense()) {
    deviation.clipped_share =
        static_cast<double>(total.clipped) / static_cast<double>(original.rows() * cols);
    deviation.smallest_scale = total.smallest_scale;
    deviation.largest_scale = total.largest_scale;
  }
  if (total.signal != 0.0) deviation.relative_error = total.error / total.signal;
  deviation.sqnr_db = decibels(deviation.relative_error);
  return deviation;
}

double output_sqnr_db(std::span<const float> reference, std::span<const float> result, int64_t width) {
  double sum = 0;
  int64_t tokens = 0;
  for (size_t t = 0; t < reference.size(); t += static_cast<size_t>(width)) {
    double error = 0, signal = 0;
    for (size_t i = t; i < t + static_cast<size_t>(width); ++i) {
      const double x = reference[i], e = static_cast<double>(result[i]) - x;
      error += e * e;
      signal += x * x;
    }
    if (signal == 0) continue;
    sum += error / signal;
    ++tokens;
  }
  return decibels(tokens == 0 ? 0.0 : sum / static_cast<double>(tokens));
}

}  // namespace fptq
