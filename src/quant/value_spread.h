// How the values of an input are spread over its tokens, streaming: what makes an activation hard to quantize
// beside its outlier channels.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/thread_pool.h"

namespace fptq {

class ValueSpread {
 public:
  // x [tokens, width], all of them finite or not: what is not finite only spoils the figures. The same for
  // any number of threads and however tokens are cut into calls.
  void add(ThreadPool& pool, const float* x, int64_t tokens, int64_t width);

  // E[(x - m)^4] / E[(x - m)^2]^2 over the values of every fifth token: five is prime to the lengths of
  // windows, whose first tokens are special. 3 for a Gaussian; 0 before the first token and for a constant.
  double kurtosis() const;
  // Tokens whose largest |x| is more than kOutlierRatio (fptq/quantize.h) times the median token's.
  int64_t massive_tokens() const;

 private:
  std::vector<float> token_max_;
  int64_t values_ = 0;               // that are in sums_
  std::array<double, 4> sums_ = {};  // of x, x^2, x^3, x^4
};

}  // namespace fptq
