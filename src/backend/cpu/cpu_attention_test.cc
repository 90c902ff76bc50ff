#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "backend/backend.h"

namespace fptq {
namespace {

constexpr AttentionShape kShape = {.heads = 6, .kv_heads = 2, .head_dim = 16};
constexpr int64_t kWidth = kShape.heads * kShape.head_dim, kKvWidth = kShape.kv_heads * kShape.head_dim;
constexpr KvType kTypes[] = {KvType::kFloat, KvType::kHalf, KvType::kInt8, KvType::kFloat8};

struct Tokens {
  std::vector<float> q, k, v;

  explicit Tokens(int64_t tokens) {
    std::mt19937 engine(7);
    std::uniform_real_distribution<float> uniform(-2, 2);
    for (auto [x, n] : {std::pair(&q, kWidth), std::pair(&k, kKvWidth), std::pair(&v, kKvWidth)}) {
      x->resize(static_cast<size_t>(tokens * n));
      for (float& e : *x) e = uniform(engine);
    }
  }
};

class Sequence {
 public:
  Sequence(int threads, KvType type)
      : pool_(threads), backend_(make_cpu_backend(pool_)), kv_(backend_->make_kv(kShape, type)) {}

  // Tokens [begin, end), in calls of `count`; returns their outputs.
  std::vector<float> attend(const Tokens& tokens, int64_t begin, int64_t end, int64_t count) {
    std::vector<float> out(static_cast<size_t>((end - begin) * kWidth));
    for (int64_t t = begin; t < end; t += count) {
      const AttentionSequence s = {0, std::min(count, end - t), kv_.get()};
      backend_->attention(kShape, std::span(&s, 1), tokens.q.data() + t * kWidth,
                          tokens.k.data() + t * kKvWidth, tokens.v.data() + t * kKvWidth,
                          out.data() + (t - begin) * kWidth);
    }
    return out;
  }
  LayerKv& kv() { return *kv_; }

 private:
  ThreadPool pool_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<LayerKv> kv_;
};

// Prompts at once, in chunks and token by token; tiles whole and with their blocks apart.
TEST(CpuAttention, ResultsDependNeitherOnThreadsNorOnChunks) {
  const int64_t length = 700;
  const Tokens tokens(length);
  for (const KvType type : kTypes) {
    const auto at_once = Sequence(1, type).attend(tokens, 0, length, length);
    for (const int threads : {1, 3}) {
      for (const int64_t count : {1, 7, 128, 300, 700})
        EXPECT_EQ(Sequence(threads, type).attend(tokens, 0, length, count), at_once)
            << threads << " " << count;
    }
  }
}

TEST(CpuAttention, SequencesOfABatchAreIndependent) {
  const Tokens tokens(400);
  for (const KvType type : kTypes) {
    ThreadPool pool(2);
    const auto backend = make_cpu_backend(pool);
    // The first 150 tokens as a sequence, the others as another one.
    const auto a = backend->make_kv(kShape, type), b = backend->make_kv(kShape, type);
    const std::vector<AttentionSequence> batch = {{0, 150, a.get()}, {150, 250, b.get()}};
    std::vector<float> out(static_cast<size_t>(400 * kWidth));
    backend->attention(kShape, batch, tokens.q.data(), tokens.k.data(), tokens.v.data(), out.data());
    auto expected = Sequence(1, type).attend(tokens, 0, 150, 150);
    const auto second = Sequence(1, type).attend(tokens, 150, 400, 250);
    expected.insert(expected.end(), second.begin(), second.end());
    EXPECT_EQ(out, expected);
  }
}

TEST(CpuAttention, TruncatedPositionsAreForgotten) {
  const Tokens tokens(300);
  for (const KvType type : kTypes) {
    Sequence s(2, type);
    const auto before = s.attend(tokens, 0, 300, 300);
    s.kv().truncate(130);
    EXPECT_EQ(s.kv().length(), 130);
    // Other tokens come and go.
    s.attend(tokens, 0, 100, 100);
    s.kv().truncate(130);
    EXPECT_EQ(s.attend(tokens, 130, 300, 50),
              std::vector<float>(before.begin() + 130 * kWidth, before.end()));
  }
}

TEST(CpuAttention, CopyGoesOnAsTheOriginalAndOnItsOwn) {
  const Tokens tokens(400);
  for (const KvType type : kTypes) {
    const auto whole = Sequence(2, type).attend(tokens, 0, 400, 400);
    const std::vector<float> rest(whole.begin() + 200 * kWidth, whole.end());
    Sequence original(2, type), copy(2, type);
    original.attend(tokens, 0, 200, 200);
    copy.attend(tokens, 100, 390, 290);  // something longer to forget
    copy.kv().copy_from(original.kv());
    EXPECT_EQ(copy.kv().length(), 200);
    EXPECT_EQ(copy.attend(tokens, 200, 400, 200), rest);
    EXPECT_EQ(original.attend(tokens, 200, 400, 200), rest) << "the copy's tokens are not in the original";
  }
}

TEST(CpuAttention, MemoryGrowsByBlocksOf128Positions) {
  const Tokens tokens(300);
  const auto bytes = [&](KvType type, int64_t length) {
    Sequence s(1, type);
    s.attend(tokens, 0, length, length);
    return static_cast<int64_t>(s.kv().bytes());
  };
  const int64_t elements = 2 * 128 * kKvWidth;
  EXPECT_EQ(bytes(KvType::kFloat, 1), elements * 4);
  EXPECT_EQ(bytes(KvType::kFloat, 128), elements * 4);
  EXPECT_EQ(bytes(KvType::kFloat, 129), 2 * elements * 4);
  EXPECT_EQ(bytes(KvType::kHalf, 300), 3 * elements * 2);
  EXPECT_EQ(bytes(KvType::kFloat8, 300), 3 * elements);
  // A scale for each head's key and value of a position.
  EXPECT_EQ(bytes(KvType::kInt8, 300), 3 * (elements + 2 * 128 * kShape.kv_heads * 4));
}

}  // namespace
}  // namespace fptq
