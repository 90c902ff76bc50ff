#include "quant/deviation.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fptq {
namespace {

constexpr double kLosslessDb = 200.0;
constexpr int64_t kChunkWeights = 1 << 16;

struct Sums {
  double error = 0.0;
  double signal = 0.0;
};

}  // namespace

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
                      }
                    });
  Sums total;
  for (const Sums& sums : rows) {
    total.error += sums.error;
    total.signal += sums.signal;
  }
  if (total.signal == 0.0 || total.error == 0.0) return {0.0, kLosslessDb};
  const double relative = total.error / total.signal;
  return {relative, std::min(-10.0 * std::log10(relative), kLosslessDb)};
}

}  // namespace fptq
