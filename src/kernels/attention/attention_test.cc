#include "kernels/attention/attention.h"

#include <cmath>

#include "base/aligned_buffer.h"
#include "base/float8.h"
#include "base/half.h"
#include "kernels/attention/kv_write.h"
#include "kernels/kernel_test.h"

namespace fptq::kernels {
namespace {

constexpr KvFormat kFormats[] = {KvFormat::kFloat, KvFormat::kHalf, KvFormat::kInt8, KvFormat::kFloat8};
constexpr float kScale = 0.37f;
// Strides have gaps, which must stay as they are.
constexpr int64_t kGap = 5;

struct Shape {
  int64_t queries = 1, first_position = 0, head_dim = 64, window = 0, group = 1;
  KvFormat format = KvFormat::kFloat;
};

struct Case : Shape {
  std::vector<float> q, k, v;  // k and v are what the cache stands for
  std::vector<int8_t> k_codes, v_codes;
  std::vector<float> k_scales, v_scales;

  int64_t positions() const { return first_position + queries; }
  int64_t stride() const { return group * head_dim + kGap; }
  const float* query(int64_t row) const { return q.data() + row / group * stride() + row % group * head_dim; }
};

std::vector<float> stored(Random& random, const Case& c, std::vector<int8_t>* codes,
                          std::vector<float>* scales) {
  std::vector<float> values = random.reals(c.positions() * c.head_dim, -2, 2);
  if (c.format == KvFormat::kHalf) {
    for (float& x : values) x = f16_to_float(float_to_f16(x));
  } else if (c.format == KvFormat::kFloat8) {
    for (float& x : values) x = e4m3_to_float(float_to_e4m3(x));
  } else if (c.format == KvFormat::kInt8) {
    values.clear();
    for (int64_t j = 0; j < c.positions(); ++j) {
      scales->push_back(random.real(0.001f, 0.02f));
      for (int64_t d = 0; d < c.head_dim; ++d) {
        codes->push_back(static_cast<int8_t>(random.integer(-128, 127)));
        values.push_back(static_cast<float>(codes->back()) * scales->back());
      }
    }
  }
  return values;
}

Case filled(const Shape& shape) {
  Case c;
  static_cast<Shape&>(c) = shape;
  Random random(static_cast<uint32_t>(c.queries * 31 + c.first_position * 7 + c.head_dim));
  c.q = random.reals(c.queries * c.stride(), -2, 2);
  c.k = stored(random, c, &c.k_codes, &c.k_scales);
  c.v = stored(random, c, &c.v_codes, &c.v_scales);
  return c;
}

// The case's keys and values as blocks; the record of the head lies behind another one.
class Blocks {
 public:
  explicit Blocks(const Case& c) : layout_(kv_layout(c.format, c.head_dim)) {
    for (int64_t j = 0; j < c.positions(); ++j) {
      if (j % kKvBlock == 0) {
        buffers_.emplace_back(static_cast<size_t>(2 * layout_.bytes));
        buffers_.back().zero();
        addresses_.push_back(buffers_.back().data());
      }
      const float *k = c.k.data() + j * c.head_dim, *v = c.v.data() + j * c.head_dim;
      uint8_t* record = buffers_.back().data() + layout_.bytes;
      const int64_t slot = j % kKvBlock;
      if (c.format == KvFormat::kFloat) {
        write_kv_floats(record, c.head_dim, slot, k, v);
      } else if (c.format == KvFormat::kHalf) {
        write_kv_halves(record, c.head_dim, slot, k, v);
      } else if (c.format == KvFormat::kFloat8) {
        write_kv_float8(record, c.head_dim, slot, k, v);
      } else {
        write_kv_codes(record, c.head_dim, slot, c.k_codes.data() + j * c.head_dim,
                       c.k_scales[static_cast<size_t>(j)], c.v_codes.data() + j * c.head_dim,
                       c.v_scales[static_cast<size_t>(j)]);
      }
    }
  }
  const uint8_t* const* addresses() const { return addresses_.data(); }
  int64_t record() const { return layout_.bytes; }

 private:
  KvLayout layout_;
  std::vector<AlignedBuffer<uint8_t>> buffers_;
  std::vector<const uint8_t*> addresses_;
};

// Rows [begin, end) of the case in calls of at most `rows`, whole or with blocks apart; in the latter, pairs
// of blocks from the last to the first.
std::vector<float> run(Isa isa, const Case& c, int64_t begin, int64_t end, int64_t rows = kAttentionRows,
                       bool apart = false) {
  const Blocks blocks(c);
  std::vector<float> out(static_cast<size_t>(c.queries * c.stride()), -7.0f);
  AlignedBuffer<float> scratch(static_cast<size_t>(attention_scratch_floats(c.head_dim)));
  std::fill(scratch.begin(), scratch.end(), NAN);
  AttentionArgs a;
  a.q = c.q.data();
  a.q_stride = a.out_stride = c.stride();
  a.group = c.group;
  a.head_dim = c.head_dim;
  a.first_position = c.first_position;
  a.window = c.window;
  a.scale = kScale;
  a.format = c.format;
  a.blocks = blocks.addresses();
  a.record = blocks.record();
  a.out = out.data();
  a.scratch = scratch.data();
  for (a.row_begin = begin; a.row_begin < end; a.row_begin += rows) {
    a.rows = std::min(rows, end - a.row_begin);
    if (!apart) {
      attention(isa).attend(a);
      continue;
    }
    const int64_t first = attention_first_block(a), last = attention_end_block(a);
    const int64_t each = attention_partial_floats(a.rows, c.head_dim);
    AlignedBuffer<float> partials(static_cast<size_t>((last - first) * each));
    for (int64_t b = (last - first - 1) / 2 * 2; b >= 0; b -= 2) {
      attention(isa).attend_blocks(a, first + b, std::min(first + b + 2, last), partials.data() + b * each);
    }
    attention(isa).merge_blocks(a, partials.data());
  }
  return out;
}

// In double, of what the cache stands for.
std::vector<double> reference(const Case& c, int64_t row) {
  const int64_t end = c.first_position + row / c.group + 1;
  const int64_t begin = c.window > 0 ? std::max<int64_t>(end - c.window, 0) : 0;
  std::vector<double> p;
  double most = -INFINITY, sum = 0;
  for (int64_t j = begin; j < end; ++j) {
    double dot = 0;
    for (int64_t d = 0; d < c.head_dim; ++d)
      dot += static_cast<double>(c.query(row)[d]) * c.k[static_cast<size_t>(j * c.head_dim + d)];
    p.push_back(dot * kScale);
    most = std::max(most, p.back());
  }
  for (double& x : p) sum += x = std::exp(x - most);
  std::vector<double> out(static_cast<size_t>(c.head_dim));
  for (int64_t j = begin; j < end; ++j) {
    for (int64_t d = 0; d < c.head_dim; ++d) {
      out[static_cast<size_t>(d)] +=
          p[static_cast<size_t>(j - begin)] / sum * c.v[static_cast<size_t>(j * c.head_dim + d)];
    }
  }
  return out;
}

// A result's error is about that of its scores, some 2^-24 of up to 30. Integer products see weights rounded
// to 16 bits instead: 130 errors of 0.29 / 32767 (deviation) of the largest weight 0.02, times codes of 74,
// are 1.5e-4, and among thousands of results some have four times that. The codes' own error would be 0.01.
double tolerance(const Case& c) {
  return c.format == KvFormat::kInt8 ? 6e-4 : 1e-5;
}

class AttentionTest : public KernelTest {
 protected:
  void check(const Case& c) { check(c, tolerance(c)); }

  void check(const Case& c, double within) {
    SCOPED_TRACE(::testing::Message() << c.queries << " queries from " << c.first_position << ", head_dim "
                                      << c.head_dim << ", window " << c.window << ", group " << c.group
                                      << ", format " << static_cast<int>(c.format));
    const int64_t rows = c.queries * c.group;
    const std::vector<float> out = run(GetParam(), c, 0, rows);
    ASSERT_EQ(bits(out), bits(run(Isa::kPortable, c, 0, rows)));
    for (int64_t row = 0; row < rows; ++row) {
      const std::vector<double> expected = reference(c, row);
      const float* y = out.data() + row / c.group * c.stride() + row % c.group * c.head_dim;
      for (int64_t d = 0; d < c.head_dim; ++d) {
        ASSERT_NEAR(y[d], expected[static_cast<size_t>(d)], within) << row << " " << d;
      }
    }
    for (int64_t i = 0; i < c.queries; ++i) {
      for (int64_t d = c.group * c.head_dim; d < c.stride(); ++d)
        ASSERT_EQ(out[static_cast<size_t>(i * c.stride() + d)], -7.0f);
    }
    // However rows and blocks are cut into calls, and with few rows and many, the bits are the same.
    for (const int64_t cut : {1, 2, 5, 7})
      ASSERT_EQ(bits(run(GetParam(), c, 0, rows, cut)), bits(out)) << cut;
    ASSERT_EQ(bits(run(GetParam(), c, 0, rows, 13, true)), bits(out));
  }

  void check_formats(Shape shape) {
    for (const KvFormat format : kFormats) {
      shape.format = format;
      check(filled(shape));
    }
  }
};

// Head sizes with a ragged last panel, and beyond the length of a stored row.
TEST_P(AttentionTest, HeadSizes) {
  for (const int64_t head_dim : {2, 6, 8, 16, 24, 32, 64, 80, 96, 128, 130, 256, 272}) {
    check_formats({.queries = 1, .first_position = 20, .head_dim = head_dim});
    check_formats({.queries = 9, .first_position = 12, .head_dim = head_dim});
  }
}

// Register tiles are 12, 6 and 2 rows, and for few rows 5, 3 and 1; panels are 16 positions.
TEST_P(AttentionTest, QueriesAndPositionsAroundEveryTile) {
  for (const int64_t queries : {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 24, 25, 33}) {
    for (const int64_t first : {0, 1, 14, 15, 16, 17, 63}) {
      check_formats({.queries = queries, .first_position = first, .head_dim = 16});
    }
  }
}

// Calls take 96 rows, blocks have 128 positions.
TEST_P(AttentionTest, RowsAndPositionsAroundEveryBlock) {
  for (const int64_t first : {126, 127, 128, 129, 255, 256, 500}) {
    check_formats({.queries = 1, .first_position = first, .head_dim = 16});
    check_formats({.queries = 3, .first_position = first, .head_dim = 16});
  }
  for (const int64_t queries : {95, 96, 97, 140}) {
    check_formats({.queries = queries, .first_position = 100, .head_dim = 16});
  }
}

TEST_P(AttentionTest, Groups) {
  for (const int64_t group : {2, 3, 4, 7, 8, 100}) {
    check_formats({.queries = 1, .first_position = 150, .head_dim = 16, .group = group});
    check_formats({.queries = 5, .first_position = 126, .head_dim = 16, .group = group});
  }
}

TEST_P(AttentionTest, Windows) {
  for (const int64_t window : {1, 2, 3, 5, 15, 16, 17, 40, 127, 128, 129, 200, 1000}) {
    for (const int64_t first : {0, 15, 120, 300}) {
      check_formats({.queries = 19, .first_position = first, .head_dim = 8, .window = window, .group = 2});
    }
  }
}

TEST_P(AttentionTest, OnePositionIsItsValue) {
  const Case c = filled({.queries = 1});
  std::vector<float> out = run(GetParam(), c, 0, 1);
  out.resize(64);
  EXPECT_EQ(out, c.v);
}

// Scores of +-1000: the maximum is taken off before the exponential, and what vanishes beside it is 0; in
// some blocks everything vanishes.
TEST_P(AttentionTest, LargeScores) {
  Case c = filled({.queries = 5, .first_position = 300, .head_dim = 32});
  for (float& x : c.q) x *= 100.0f;
  check(c, 2e-4);
}

// A position that a row does not see has no influence, not even as a NaN.
TEST_P(AttentionTest, UnseenPositionsDoNotMatter) {
  for (const KvFormat format : kFormats) {
    Case c = filled({.queries = 18, .first_position = 121, .head_dim = 32, .window = 8, .format = format});
    const std::vector<float> clean = run(GetParam(), c, 0, 10);
    for (int64_t j = 0; j < c.positions(); ++j) {
      if (j >= 121 + 1 - 8 && j < 121 + 10) continue;
      std::fill_n(c.k.begin() + j * 32, 32, NAN);
      std::fill_n(c.v.begin() + j * 32, 32, NAN);
      if (format == KvFormat::kInt8) {
        c.k_scales[static_cast<size_t>(j)] = c.v_scales[static_cast<size_t>(j)] = NAN;
      }
    }
    EXPECT_EQ(bits(run(GetParam(), c, 0, 10)), bits(clean));
    const std::vector<float> tile = run(GetParam(), c, 0, 18);
    const auto first_ten = static_cast<int64_t>(10 * c.stride());
    EXPECT_EQ(bits(std::vector<float>(tile.begin(), tile.begin() + first_ten)),
              bits(std::vector<float>(clean.begin(), clean.begin() + first_ten)));
  }
}

// What is not a number is not made one, in any format.
TEST_P(AttentionTest, NaNStaysNaN) {
  for (const KvFormat format : kFormats) {
    const Case c = filled({.queries = 2, .first_position = 140, .head_dim = 16, .format = format});
    const auto first_of = [&](const Case& changed) {
      const std::vector<float> out = run(GetParam(), changed, 0, 2);
      EXPECT_EQ(bits(out), bits(run(Isa::kPortable, changed, 0, 2)));
      return out[0];
    };
    Case query = c;
    query.q[3] = NAN;
    EXPECT_TRUE(std::isnan(first_of(query)));
    Case infinite = c;
    infinite.q[3] = INFINITY;
    EXPECT_TRUE(std::isnan(first_of(infinite)));
    Case key = c, value = c;
    key.k[9 * 16] = value.v[9 * 16] = NAN;
    if (format == KvFormat::kInt8) key.k_scales[9] = value.v_scales[9] = NAN;
    EXPECT_TRUE(std::isnan(first_of(key)));
    EXPECT_TRUE(std::isnan(first_of(value)));
  }
}

TEST(KvWrite, Float8Saturates) {
  AlignedBuffer<uint8_t> record(static_cast<size_t>(kv_layout(KvFormat::kFloat8, 2).bytes));
  record.zero();
  const float k[] = {1e6f, -1e6f}, v[] = {460.0f, NAN};
  write_kv_float8(record.data(), 2, 17, k, v);
  EXPECT_EQ(e4m3_to_float(record[16 * 2 + 1]), 448.0f);
  EXPECT_EQ(e4m3_to_float(record[16 * 2 + 16 + 1]), -448.0f);
  const uint8_t* values = record.data() + kKvBlock * 2 + 17 * 16;
  EXPECT_EQ(e4m3_to_float(values[0]), 448.0f);
  EXPECT_TRUE(std::isnan(e4m3_to_float(values[1])));
}

// Every number there is, subnormals and NaN included, reaches the sum as it is.
TEST_P(AttentionTest, Float8NumbersAreExact) {
  for (int code = 0; code < 256; ++code) {
    Case c = filled({.queries = 1, .head_dim = 2, .format = KvFormat::kFloat8});
    c.v[1] = e4m3_to_float(static_cast<uint8_t>(code));
    const float out = run(GetParam(), c, 0, 1)[1];
    if (std::isnan(c.v[1])) {
      EXPECT_TRUE(std::isnan(out));
    } else {
      EXPECT_EQ(out, c.v[1]);
    }
  }
}

// A half holds at most 65504; a value beyond becomes that, not an infinity.
TEST(KvWrite, HalvesSaturate) {
  AlignedBuffer<uint8_t> record(static_cast<size_t>(kv_layout(KvFormat::kHalf, 2).bytes));
  record.zero();
  const float k[] = {1e6f, -1e6f}, v[] = {65520.0f, NAN};
  write_kv_halves(record.data(), 2, 17, k, v);
  const auto* halves = reinterpret_cast<const uint16_t*>(record.data());
  EXPECT_EQ(f16_to_float(halves[16 * 2 + 1]), 65504.0f);
  EXPECT_EQ(f16_to_float(halves[16 * 2 + 16 + 1]), -65504.0f);
  const auto* values = halves + kKvBlock * 2 + 17 * 16;
  EXPECT_EQ(f16_to_float(values[0]), 65504.0f);
  EXPECT_TRUE(std::isnan(f16_to_float(values[1])));
}

FPTQ_FOR_EVERY_ISA(AttentionTest);

}  // namespace
}  // namespace fptq::kernels
