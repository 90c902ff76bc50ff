#include "kernels/attention/attention.h"

#include <cmath>

#include "base/aligned_buffer.h"
#include "kernels/kernel_test.h"

namespace fptq::kernels {
namespace {

// A cache, float or INT8, and queries; `values` holds what the codes stand for.
struct Case {
  int64_t queries, first_position, head_dim, window;
  bool int8;
  std::vector<float> q, k, v;
  std::vector<int8_t> k_codes, v_codes;
  std::vector<float> k_scales, v_scales;

  int64_t positions() const { return first_position + queries; }
};

std::vector<float> quantized(Random& random, int64_t positions, int64_t head_dim, std::vector<int8_t>* codes,
                             std::vector<float>* scales) {
  std::vector<float> values;
  for (int64_t j = 0; j < positions; ++j) {
    scales->push_back(random.real(0.001f, 0.02f));
    for (int64_t d = 0; d < head_dim; ++d) {
      codes->push_back(static_cast<int8_t>(random.integer(-128, 127)));
      values.push_back(static_cast<float>(codes->back()) * scales->back());
    }
  }
  return values;
}

Case make_case(int64_t queries, int64_t first_position, int64_t head_dim, int64_t window, bool int8) {
  Random random(static_cast<uint32_t>(queries * 31 + first_position * 7 + head_dim));
  Case c{queries, first_position, head_dim, window, int8, {}, {}, {}, {}, {}, {}, {}};
  c.q = random.reals(queries * (head_dim + 5), -2, 2);
  if (int8) {
    c.k = quantized(random, c.positions(), head_dim, &c.k_codes, &c.k_scales);
    c.v = quantized(random, c.positions(), head_dim, &c.v_codes, &c.v_scales);
  } else {
    c.k = random.reals(c.positions() * head_dim, -2, 2);
    c.v = random.reals(c.positions() * head_dim, -2, 2);
  }
  return c;
}

constexpr float kScale = 0.37f;

// Queries [begin, end) of the case, as one call.
std::vector<float> run(Isa isa, const Case& c, int64_t begin, int64_t end) {
  AttentionArgs a;
  a.queries = end - begin;
  a.q_stride = c.head_dim + 5;
  a.q = c.q.data() + begin * a.q_stride;
  a.head_dim = c.head_dim;
  a.first_position = c.first_position + begin;
  a.window = c.window;
  a.scale = kScale;
  if (c.int8) {
    a.k_codes = c.k_codes.data();
    a.v_codes = c.v_codes.data();
    a.k_scales = c.k_scales.data();
    a.v_scales = c.v_scales.data();
  } else {
    a.k = c.k.data();
    a.v = c.v.data();
  }
  a.out_stride = c.head_dim + 3;
  std::vector<float> out(static_cast<size_t>(a.queries * a.out_stride), -7.0f);
  a.out = out.data();
  AlignedBuffer<float> scratch(
      static_cast<size_t>(attention_scratch_floats(a.queries, a.first_position + a.queries)));
  // What is left in the scratch of an earlier call must not matter.
  std::fill(scratch.begin(), scratch.end(), NAN);
  a.scratch = scratch.data();
  attention(isa)(a);
  return out;
}

std::vector<double> reference(const Case& c, int64_t query) {
  const int64_t end = c.first_position + query + 1,
                begin = c.window > 0 ? std::max<int64_t>(0, end - c.window) : 0;
  std::vector<double> p;
  double most = -1e300, sum = 0;
  for (int64_t j = begin; j < end; ++j) {
    double dot = 0;
    for (int64_t d = 0; d < c.head_dim; ++d) {
      dot += static_cast<double>(c.q[query * (c.head_dim + 5) + d]) * c.k[j * c.head_dim + d];
    }
    p.push_back(dot * kScale);
    most = std::max(most, p.back());
  }
  for (double& x : p) sum += x = std::exp(x - most);
  std::vector<double> out(static_cast<size_t>(c.head_dim));
  for (int64_t j = begin; j < end; ++j) {
    for (int64_t d = 0; d < c.head_dim; ++d) out[d] += p[j - begin] / sum * c.v[j * c.head_dim + d];
  }
  return out;
}

class AttentionTest : public KernelTest {
 protected:
  void check(const Case& c) {
    SCOPED_TRACE(::testing::Message() << c.queries << " queries from " << c.first_position << ", head_dim "
                                      << c.head_dim << ", window " << c.window << (c.int8 ? ", int8" : ""));
    const std::vector<float> out = run(GetParam(), c, 0, c.queries);
    ASSERT_EQ(bits(out), bits(run(Isa::kPortable, c, 0, c.queries)));
    const int64_t stride = c.head_dim + 3;
    for (int64_t i = 0; i < c.queries; ++i) {
      const std::vector<double> expected = reference(c, i);
      for (int64_t d = 0; d < stride; ++d) {
        if (d < c.head_dim) {
          ASSERT_NEAR(out[i * stride + d], expected[d], 4e-6) << i << " " << d;
        } else {
          ASSERT_EQ(out[i * stride + d], -7.0f);
        }
      }
      // Alone, by the path for few queries, the query has the same bits.
      const std::vector<float> alone = run(GetParam(), c, i, i + 1);
      ASSERT_EQ(bits(alone),
                bits(std::vector<float>(out.begin() + i * stride, out.begin() + (i + 1) * stride)))
          << i;
    }
  }
};

// Head sizes with and without a ragged end, and beyond the transposed block.
TEST_P(AttentionTest, HeadSizes) {
  for (const int64_t head_dim : {2, 6, 8, 16, 24, 32, 64, 80, 96, 128, 256, 272}) {
    for (const bool int8 : {false, true}) {
      check(make_case(1, 20, head_dim, 0, int8));
      check(make_case(9, 12, head_dim, 0, int8));
    }
  }
}

// Tiles are 16 queries, shared by 4 or 2; keys come in sets of 4, 8 and 16.
TEST_P(AttentionTest, QueriesAndPositionsAroundEveryTile) {
  for (const int64_t queries : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33}) {
    for (const int64_t first : {0, 1, 3, 4, 14, 15, 16, 17, 63}) {
      for (const bool int8 : {false, true}) check(make_case(queries, first, 32, 0, int8));
    }
  }
}

TEST_P(AttentionTest, Windows) {
  for (const int64_t window : {1, 2, 3, 5, 15, 16, 17, 40, 1000}) {
    for (const int64_t first : {0, 15, 37}) {
      for (const bool int8 : {false, true}) check(make_case(19, first, 32, window, int8));
    }
  }
}

TEST_P(AttentionTest, OnePositionIsItsValue) {
  const Case c = make_case(1, 0, 64, 0, false);
  std::vector<float> out = run(GetParam(), c, 0, 1);
  out.resize(64);
  EXPECT_EQ(out, c.v);
}

// Scores of +-1000: the maximum is taken off before the exponential, and what vanishes beside it is 0.
TEST_P(AttentionTest, LargeScores) {
  Case c = make_case(5, 30, 32, 0, false);
  for (float& x : c.q) x *= 100.0f;
  check(c);
}

// A position that a query does not see has no influence, not even as a NaN.
TEST_P(AttentionTest, UnseenPositionsDoNotMatter) {
  Case c = make_case(18, 21, 32, 8, false);
  const std::vector<float> clean = run(GetParam(), c, 0, 10);
  for (int64_t j = 0; j < c.positions(); ++j) {
    if (j >= 21 + 1 - 8 && j < 21 + 10) continue;
    std::fill_n(c.k.begin() + j * 32, 32, NAN);
    std::fill_n(c.v.begin() + j * 32, 32, NAN);
  }
  EXPECT_EQ(bits(run(GetParam(), c, 0, 10)), bits(clean));
  const std::vector<float> tile = run(GetParam(), c, 0, 18);
  EXPECT_EQ(bits(std::vector<float>(tile.begin(), tile.begin() + static_cast<int64_t>(clean.size()))),
            bits(clean));
}

FPTQ_FOR_EVERY_ISA(AttentionTest);

}  // namespace
}  // namespace fptq::kernels
