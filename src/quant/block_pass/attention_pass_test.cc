#include "quant/block_pass/attention_pass.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace fptq {
namespace {

struct Case {
  int64_t tokens, group, head_dim, window;
};

// Attention as its definition says, in float64. Arrays are [tokens, group + 2, head_dim]: queries, key,
// value.
class Reference {
 public:
  Reference(const Case& c, const std::vector<double>& qkv) : c_(c), qkv_(qkv) {}

  std::vector<double> out() const {
    std::vector<double> out;
    for (int64_t t = 0; t < c_.tokens; ++t) {
      for (int64_t g = 0; g < c_.group; ++g) append(t, g, out);
    }
    return out;
  }

 private:
  const double* at(int64_t t, int64_t head) const {
    return qkv_.data() + (t * (c_.group + 2) + head) * c_.head_dim;
  }

  void append(int64_t t, int64_t g, std::vector<double>& out) const {
    std::vector<double> sum(static_cast<size_t>(c_.head_dim));
    double total = 0.0;
    for (int64_t s = c_.window > 0 ? std::max<int64_t>(0, t - c_.window + 1) : 0; s <= t; ++s) {
      double score = 0.0;
      for (int64_t d = 0; d < c_.head_dim; ++d) score += at(t, g)[d] * at(s, c_.group)[d];
      const double weight = std::exp(score / std::sqrt(static_cast<double>(c_.head_dim)));
      total += weight;
      for (int64_t d = 0; d < c_.head_dim; ++d)
        sum[static_cast<size_t>(d)] += weight * at(s, c_.group + 1)[d];
    }
    for (const double x : sum) out.push_back(x / total);
  }

  const Case c_;
  const std::vector<double>& qkv_;
};

std::vector<double> random_values(int64_t n, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<double> values(static_cast<size_t>(n));
  for (double& x : values) x = static_cast<double>(generator() >> 40) * 0x1p-23 - 1.0;
  return values;
}

class AttentionPass : public testing::TestWithParam<Case> {};

TEST_P(AttentionPass, OutputsAndGradients) {
  const Case c = GetParam();
  const int64_t stride = (c.group + 2) * c.head_dim, width = c.group * c.head_dim, n = c.tokens * stride;
  const std::vector<double> qkv = random_values(n, 1), d_out = random_values(c.tokens * width, 2);
  const std::vector<float> x(qkv.begin(), qkv.end()), dy(d_out.begin(), d_out.end());
  const AttentionHeads heads = {.tokens = c.tokens,
                                .head_dim = c.head_dim,
                                .group = c.group,
                                .window = c.window,
                                .q = x.data(),
                                .k = x.data() + width,
                                .v = x.data() + width + c.head_dim,
                                .stride = stride};
  std::vector<float> out(dy.size()), log_sums(static_cast<size_t>(c.tokens * c.group));
  attend(heads, out.data(), width, log_sums.data(), c.group);
  const std::vector<double> expected = Reference(c, qkv).out();
  for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected[i], 1e-5) << i;

  std::vector<float> d(x.size(), NAN);
  attend_backward(heads, {out.data(), dy.data(), width, log_sums.data(), c.group}, d.data(), d.data() + width,
                  d.data() + width + c.head_dim, stride);
  // Along random directions that touch the queries, the keys or the values alone, and, of these, a few
  // tokens.
  for (uint64_t part = 0; part < 12; ++part) {
    std::vector<double> direction = random_values(n, 10 + part);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t head = i % stride / c.head_dim, token = i / stride;
      const uint64_t kind = head < c.group ? 0 : static_cast<uint64_t>(head - c.group + 1);
      if (kind != part % 3 || token % 4 != static_cast<int64_t>(part / 3))
        direction[static_cast<size_t>(i)] = 0.0;
    }
    const auto loss = [&](double step) {
      std::vector<double> moved = qkv;
      for (size_t i = 0; i < moved.size(); ++i) moved[i] += step * direction[i];
      const std::vector<double> y = Reference(c, moved).out();
      double sum = 0.0;
      for (size_t i = 0; i < y.size(); ++i) sum += y[i] * d_out[i];
      return sum;
    };
    double slope = 0.0, size = 0.0;
    for (size_t i = 0; i < d.size(); ++i) {
      slope += static_cast<double>(d[i]) * direction[i];
      size += std::fabs(static_cast<double>(d[i]) * direction[i]);
    }
    EXPECT_NEAR(slope, (loss(1e-4) - loss(-1e-4)) / 2e-4, 1e-5 * (1.0 + size)) << "direction " << part;
  }
}

// One query block and several; windows within a block and across blocks.
INSTANTIATE_TEST_SUITE_P(Shapes, AttentionPass,
                         testing::Values(Case{1, 1, 4, 0}, Case{5, 3, 8, 0}, Case{9, 2, 16, 4},
                                         Case{130, 2, 8, 0}, Case{290, 1, 8, 20}, Case{260, 3, 4, 200}));

}  // namespace
}  // namespace fptq
