#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace fptq {
namespace {

using Chunks = std::vector<std::pair<int64_t, int64_t>>;

Chunks chunks_of(ThreadPool& pool, int64_t n, int64_t grain) {
  std::mutex mutex;
  Chunks chunks;
  pool.parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    const std::lock_guard lock(mutex);
    chunks.emplace_back(begin, end);
  });
  std::ranges::sort(chunks);
  return chunks;
}

TEST(ThreadPool, ChunksDependOnTheProblemAlone) {
  ThreadPool one(1);
  EXPECT_EQ(chunks_of(one, 10, 4), (Chunks{{0, 4}, {4, 8}, {8, 10}}));
  EXPECT_EQ(chunks_of(one, 3, 100), (Chunks{{0, 3}}));
  EXPECT_EQ(chunks_of(one, 2, 0), (Chunks{{0, 1}, {1, 2}}));
  EXPECT_TRUE(chunks_of(one, 0, 4).empty());
  EXPECT_TRUE(chunks_of(one, -5, 4).empty());
  for (const int threads : {2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int64_t n : {1, 7, 64, 1001}) EXPECT_EQ(chunks_of(pool, n, 3), chunks_of(one, n, 3));
  }
}

// Sums of floats differ with the order of additions: partial sums by chunk must not.
TEST(ThreadPool, ResultsAreTheSameForAnyNumberOfThreads) {
  const auto sum = [](int threads) {
    ThreadPool pool(threads);
    std::vector<float> partial(100);
    pool.parallel_for(10'000, 100, [&](int64_t begin, int64_t end) {
      float s = 0;
      for (int64_t i = begin; i < end; ++i) s += 1.0f / static_cast<float>(i + 1);
      partial[static_cast<size_t>(begin / 100)] = s;
    });
    float total = 0;
    for (const float s : partial) total += s;
    return total;
  };
  const float expected = sum(1);
  for (const int threads : {2, 3, 5, 8}) EXPECT_EQ(sum(threads), expected);
}

TEST(ThreadPool, RethrowsAndGoesOn) {
  for (const int threads : {1, 4}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 20; ++round) {
      EXPECT_THROW(pool.parallel_for(100, 1,
                                     [](int64_t begin, int64_t) {
                                       if (begin == 37) throw std::runtime_error("37");
                                     }),
                   std::runtime_error);
      std::atomic<int64_t> sum = 0;
      pool.parallel_for(100, 1, [&](int64_t begin, int64_t) { sum += begin; });
      ASSERT_EQ(sum, 4950);
    }
  }
}

TEST(ThreadPool, LoopsInsideLoopsRunOnTheirThread) {
  ThreadPool pool(4);
  std::atomic<int> strangers = 0, runs = 0;
  pool.parallel_for(16, 1, [&](int64_t, int64_t) {
    const std::thread::id self = std::this_thread::get_id();
    pool.parallel_for(8, 1, [&](int64_t, int64_t) {
      ++runs;
      if (std::this_thread::get_id() != self) ++strangers;
    });
  });
  EXPECT_EQ(runs, 16 * 8);
  EXPECT_EQ(strangers, 0);
}

TEST(ThreadPool, LoopsOfSeveralThreadsAllFinish) {
  ThreadPool pool(3);
  std::atomic<int64_t> sum = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        pool.parallel_for(10, 1, [&](int64_t begin, int64_t) { sum += begin; });
      }
    });
  }
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(sum, 4 * 200 * 45);
}

TEST(ThreadPool, ManyShortLoopsInARow) {
  ThreadPool pool(2);
  int64_t total = 0;
  for (int i = 0; i < 5000; ++i) {
    std::atomic<int64_t> n = 0;
    pool.parallel_for(4, 1, [&](int64_t begin, int64_t end) { n += end - begin; });
    total += n;
  }
  EXPECT_EQ(total, 20'000);
  EXPECT_GE(available_cores(), 1);
}

}  // namespace
}  // namespace fptq
