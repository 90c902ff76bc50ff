#include "model/forward.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "fptq/error.h"
#include "synthetic_source.h"

namespace fptq {
namespace {

std::vector<int32_t> some_ids(int n, int seed = 1) {
  std::vector<int32_t> ids(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) ids[static_cast<size_t>(i)] = (i * i * 7 + seed * 31 + i) % 300;
  return ids;
}

struct Fixture {
  explicit Fixture(ModelConfig config = SyntheticSource::small_config(), int threads = 2,
                   DType dtype = DType::kF32)
      : pool(threads), backend(make_cpu_backend(pool)), source(config, dtype), model(*backend, source) {}

  // Final hidden states of `ids` fed in pieces of `chunk`.
  std::vector<float> hidden(const std::vector<int32_t>& ids, size_t chunk, KvType kv = KvType::kFloat) {
    KvCache cache = model.make_cache(kv);
    std::vector<float> all;
    for (size_t at = 0; at < ids.size(); at += chunk) {
      const size_t n = std::min(chunk, ids.size() - at);
      const SequenceInput input{std::span(ids).subspan(at, n), &cache};
      model.forward(std::span(&input, 1));
      all.insert(all.end(), model.hidden(),
                 model.hidden() + n * static_cast<size_t>(model.config().hidden_size));
    }
    return all;
  }

  ThreadPool pool;
  std::unique_ptr<Backend> backend;
  SyntheticSource source;
  Model model;
};

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double d = 0;
  for (size_t i = 0; i < a.size(); ++i) d = std::max(d, std::fabs(double(a[i]) - double(b[i])));
  return d;
}

TEST(Forward, PiecesOfAPromptGiveWhatTheWholeGives) {
  Fixture f;
  const auto ids = some_ids(70);
  const auto whole = f.hidden(ids, 70);
  for (const size_t chunk : {1, 7, 33})
    EXPECT_LT(largest_difference(whole, f.hidden(ids, chunk)), 2e-5) << chunk;
}

TEST(Forward, SequencesOfABatchDoNotSeeEachOther) {
  Fixture f;
  const auto a = some_ids(20, 1), b = some_ids(33, 2);
  const auto alone_a = f.hidden(a, 20), alone_b = f.hidden(b, 33);
  KvCache cache_a = f.model.make_cache(), cache_b = f.model.make_cache();
  const SequenceInput batch[] = {{a, &cache_a}, {b, &cache_b}};
  f.model.forward(batch);
  const size_t width = 64;
  const std::vector<float> in_a(f.model.hidden(), f.model.hidden() + 20 * width);
  const std::vector<float> in_b(f.model.hidden() + 20 * width, f.model.hidden() + 53 * width);
  EXPECT_LT(largest_difference(alone_a, in_a), 2e-5);
  EXPECT_LT(largest_difference(alone_b, in_b), 2e-5);
}

TEST(Forward, ThreadsDoNotChangeABit) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    Fixture one(SyntheticSource::small_config(), 1, dtype), three(SyntheticSource::small_config(), 3, dtype);
    const auto ids = some_ids(65);
    EXPECT_EQ(one.hidden(ids, 65), three.hidden(ids, 65));
    EXPECT_EQ(one.hidden(ids, 5), three.hidden(ids, 5));
  }
}

TEST(Forward, TruncatedCacheForgets) {
  Fixture f;
  const auto ids = some_ids(12), other = some_ids(12, 9);
  KvCache cache = f.model.make_cache();
  SequenceInput input{other, &cache};
  f.model.forward(std::span(&input, 1));
  cache.truncate(0);
  input.ids = ids;
  f.model.forward(std::span(&input, 1));
  const std::vector<float> reused(f.model.hidden(), f.model.hidden() + 12 * 64);
  EXPECT_EQ(reused, f.hidden(ids, 12));
}

TEST(Forward, SlidingWindowChangesOnlyWhatLiesBehindIt) {
  ModelConfig windowed = SyntheticSource::small_config();
  windowed.sliding_window = 8;
  windowed.num_layers = 1;
  ModelConfig full = windowed;
  full.sliding_window = 0;
  Fixture w(windowed), f(full);
  const auto ids = some_ids(20);
  const auto a = w.hidden(ids, 20), b = f.hidden(ids, 20);
  const std::vector<float> a_head(a.begin(), a.begin() + 8 * 64), b_head(b.begin(), b.begin() + 8 * 64);
  EXPECT_EQ(a_head, b_head);
  EXPECT_GT(largest_difference(a, b), 1e-3);
  EXPECT_LT(largest_difference(a, w.hidden(ids, 3)), 2e-5);
}

TEST(Forward, Int8CacheIsNearTheFloatOne) {
  Fixture f;
  const auto ids = some_ids(40);
  const auto exact = f.hidden(ids, 40), int8 = f.hidden(ids, 40, KvType::kInt8);
  const double difference = largest_difference(exact, int8);
  EXPECT_GT(difference, 0.0);
  EXPECT_LT(difference, 0.1);
  EXPECT_LT(f.model.make_cache(KvType::kInt8).bytes() + 1, 100000u);
}

TEST(Forward, HalfCacheIsNearerYet) {
  Fixture f;
  const auto ids = some_ids(40);
  const double difference = largest_difference(f.hidden(ids, 40), f.hidden(ids, 40, KvType::kHalf));
  EXPECT_GT(difference, 0.0);
  EXPECT_LT(difference, 0.01);
}

TEST(Forward, TapSeesEveryInputOnce) {
  struct Recorder : Tap {
    void on_linear_input(int64_t layer, InputId input, const float* x, int64_t tokens,
                         int64_t width) override {
      seen.push_back({layer, static_cast<int64_t>(input), tokens, width});
      EXPECT_TRUE(std::isfinite(std::accumulate(x, x + tokens * width, 0.0)));
    }
    std::vector<std::array<int64_t, 4>> seen;
  } tap;
  Fixture f;
  const auto ids = some_ids(5);
  KvCache cache = f.model.make_cache();
  const SequenceInput input{ids, &cache};
  f.model.forward(std::span(&input, 1), &tap);
  ASSERT_EQ(tap.seen.size(), 12u);
  for (size_t i = 0; i < 12; ++i) {
    const int64_t width = i % 4 == 3 ? 96 : 64;
    EXPECT_EQ(tap.seen[i],
              (std::array<int64_t, 4>{static_cast<int64_t>(i / 4), static_cast<int64_t>(i % 4), 5, width}));
  }
}

TEST(Forward, IdsOutsideTheVocabularyAreRefused) {
  Fixture f;
  KvCache cache = f.model.make_cache();
  for (const int32_t bad : {-1, 300}) {
    const std::vector<int32_t> ids = {1, bad};
    const SequenceInput input{ids, &cache};
    EXPECT_THROW(f.model.forward(std::span(&input, 1)), Error);
  }
}

TEST(Forward, BiasesAreAdded) {
  ModelConfig with = SyntheticSource::small_config();
  with.qkv_bias = true;
  Fixture a(with), b;
  EXPECT_GT(largest_difference(a.hidden(some_ids(9), 9), b.hidden(some_ids(9), 9)), 1e-3);
}

}  // namespace
}  // namespace fptq
