#include "tasks/bootstrap.h"

#include <cmath>
#include <random>

namespace fptq {

double bootstrap_error(std::span<const double> values, int64_t rounds, uint64_t seed) {
  if (values.size() < 2 || rounds < 2) return 0;
  std::mt19937_64 generator(seed);
  const double count = static_cast<double>(values.size());
  double mean = 0, squares = 0;  // Welford's
  for (int64_t round = 1; round <= rounds; ++round) {
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      // The high half of the product is uniform on [0, size) but for a bias of size / 2^64.
      const auto index =
          static_cast<size_t>(static_cast<unsigned __int128>(generator()) * values.size() >> 64);
      sum += values[index];
    }
    const double delta = sum / count - mean;
    mean += delta / static_cast<double>(round);
    squares += delta * (sum / count - mean);
  }
  return std::sqrt(squares / static_cast<double>(rounds - 1));
}

}  // namespace fptq
