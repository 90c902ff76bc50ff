// A small pool for data-parallel loops.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace fptq {

// Work is cut into chunks whose boundaries depend on the problem alone, never on the number of threads:
// that is what makes results the same for any thread count. One loop runs at a time:
// of several threads that start one, all but the first wait. A loop started from inside a loop runs on the
// calling thread. The calling thread takes part.
class ThreadPool {
 public:
  // `threads` >= 1 counts the caller; 0 means one for each core this process may use.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(chunk_begin, chunk_end) for consecutive chunks of `grain` (the last may be shorter) covering
  // [0, n). The first exception thrown by a body is rethrown here after all chunks stopped.
  void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

 private:
  struct Loop;
  void work();
  static void run_chunks(Loop& loop);

  std::vector<std::thread> workers_;
  std::mutex one_loop_;                  // held by the thread whose loop is running
  std::atomic<Loop*> loop_{nullptr};     // null when a worker has nothing to take part in
  std::atomic<uint32_t> generation_{0};  // of loops; workers wait for it to change
  std::atomic<int32_t> active_{0};       // workers that may be looking at loop_
  std::atomic<bool> stop_{false};
};

// Cores this process may run on (affinity mask), at least 1.
int available_cores();

}  // namespace fptq
