#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>

namespace fptq {

struct ThreadPool::Loop {
  int64_t n;
  int64_t grain;
  const std::function<void(int64_t, int64_t)>* body;
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  std::mutex error_mutex;
};

namespace {
thread_local bool inside_loop = false;
// Workers spin this many polls for the next loop before they sleep: a forward pass starts hundreds of
// loops in quick succession and a futex wake costs more than most of them.
constexpr int kSpins = 2000;
}  // namespace

int available_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = available_cores();
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& w : workers_) w.join();
}

void ThreadPool::run_chunks(Loop& loop) {
  inside_loop = true;
  while (!loop.failed.load(std::memory_order_relaxed)) {
    const int64_t begin = loop.next.fetch_add(loop.grain, std::memory_order_relaxed);
    if (begin >= loop.n) break;
    try {
      (*loop.body)(begin, std::min(begin + loop.grain, loop.n));
    } catch (...) {
      std::lock_guard lock(loop.error_mutex);
      if (!loop.error) loop.error = std::current_exception();
      loop.failed.store(true, std::memory_order_relaxed);
    }
  }
  inside_loop = false;
}

void ThreadPool::work() {
  uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    for (int spin = 0; spin < kSpins && !stop_ && generation_ == seen; ++spin) {
      lock.unlock();
      __builtin_ia32_pause();
      lock.lock();
    }
    wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
    if (stop_) return;
    seen = generation_;
    Loop* loop = loop_;
    if (loop == nullptr) continue;
    ++active_;
    lock.unlock();
    run_chunks(*loop);
    lock.lock();
    if (--active_ == 0) done_.notify_one();
  }
}

void ThreadPool::parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (workers_.empty() || inside_loop || n <= grain) {
    for (int64_t begin = 0; begin < n; begin += grain) body(begin, std::min(begin + grain, n));
    return;
  }
  const std::lock_guard only_this(one_loop_);
  Loop loop;
  loop.n = n;
  loop.grain = grain;
  loop.body = &body;
  {
    std::lock_guard lock(mutex_);
    loop_ = &loop;
    ++generation_;
  }
  wake_.notify_all();
  run_chunks(loop);
  {
    std::unique_lock lock(mutex_);
    loop_ = nullptr;  // a worker that wakes late finds nothing to do
    done_.wait(lock, [&] { return active_ == 0; });
  }
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace fptq
