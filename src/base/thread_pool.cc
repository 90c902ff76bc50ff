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

// A forward pass starts hundreds of loops in quick succession, and to wake a sleeper costs more than most of
// them. So whoever waits polls for some tens of microseconds; then it sleeps, because somebody else may need
// the core.
constexpr int kPolls = 1000;

// Returns when `value` is no longer `old`.
template <typename T>
void wait_for_change(const std::atomic<T>& value, T old) {
  for (int poll = 0; poll < kPolls; ++poll) {
    if (value.load() != old) return;
    __builtin_ia32_pause();
  }
  value.wait(old);
}

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
  stop_ = true;
  ++generation_;
  generation_.notify_all();
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
  uint32_t seen = 0;
  while (true) {
    wait_for_change(generation_, seen);
    seen = generation_;
    if (stop_) return;
    // In this order: a caller that sees no active worker after it took its loop away can let go of it.
    ++active_;
    if (Loop* loop = loop_) run_chunks(*loop);
    if (--active_ == 0) active_.notify_one();
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
  loop_ = &loop;
  ++generation_;
  generation_.notify_all();
  run_chunks(loop);
  loop_ = nullptr;  // a worker that wakes late finds nothing to do
  for (int32_t busy = active_; busy != 0; busy = active_) wait_for_change(active_, busy);
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace fptq
