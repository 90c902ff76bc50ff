#include "kernels/machine_limits/machine_limits.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <new>
#include <string>
#include <system_error>
#include <thread>

#include "fptq/error.h"
#include "kernels/machine_limits/limit_loops.h"

namespace fptq::kernels {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

std::vector<int> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) cores.push_back(i);
  }
  return cores;
}

// Where pinning is refused the thread runs where it may: the figure is then a little low.
void pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

// Seconds from the common start of body(0) .. body(threads - 1) to the end of the last.
double run_together(int threads, const std::function<void(int)>& body) {
  static const std::vector<int> cores = usable_cores();
  std::atomic<int> ready{0};
  std::atomic<bool> go{false}, give_up{false};
  std::vector<Clock::time_point> ends(static_cast<size_t>(threads));
  std::vector<std::thread> workers;
  const auto work = [&](int i) {
    if (!cores.empty()) pin_to(cores[static_cast<size_t>(i) % cores.size()]);
    ready.fetch_add(1);
    while (!go.load()) std::this_thread::yield();
    if (give_up.load()) return;
    body(i);
    ends[static_cast<size_t>(i)] = Clock::now();
  };
  const auto join = [&] {
    for (std::thread& t : workers) t.join();
  };
  try {
    for (int i = 0; i < threads; ++i) workers.emplace_back(work, i);
  } catch (const std::system_error& e) {
    give_up = true;
    go = true;
    join();
    throw Error(ErrorKind::kFailure, "machine limits",
                "cannot start " + std::to_string(threads) + " threads: " + e.what());
  }
  while (ready.load() < threads) std::this_thread::yield();
  const Clock::time_point start = Clock::now();
  go = true;
  join();
  return seconds_between(start, *std::max_element(ends.begin(), ends.end()));
}

// Best rate (amount per second) of runs that fill `seconds`; at least two.
double best_rate(double seconds, double amount, const std::function<double()>& run) {
  const Clock::time_point begin = Clock::now();
  double best = 0;
  for (int runs = 0; runs < 2 || seconds_between(begin, Clock::now()) < seconds; ++runs) {
    best = std::max(best, amount / run());
  }
  return best;
}

// Anonymous pages, huge where the system gives them: 4 KiB pages would measure the page walker as well.
class Pages {
 public:
  explicit Pages(size_t bytes) : bytes_(bytes) {
    memory_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    madvise(memory_, bytes_, MADV_HUGEPAGE);
  }
  ~Pages() { munmap(memory_, bytes_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  std::byte* data() const { return static_cast<std::byte*>(memory_); }
  size_t size() const { return bytes_; }

 private:
  size_t bytes_;
  void* memory_;
};

// Several times the last cache, within bounds.
size_t memory_to_read() {
  constexpr int64_t kLeast = int64_t{256} << 20, kMost = int64_t{1} << 30;
  const int64_t cache = std::max<int64_t>(sysconf(_SC_LEVEL3_CACHE_SIZE), 0);
  const int64_t physical = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  const int64_t wanted = std::min(std::clamp(4 * cache, kLeast, kMost), physical / 4);
  return static_cast<size_t>(std::max<int64_t>(wanted, int64_t{1} << 20));
}

// Thread i's part of the pages, of which `threads` read all.
std::span<std::byte> part_of(const Pages& pages, int i, int threads) {
  const size_t share = pages.size() / static_cast<size_t>(threads) / kReadBlock * kReadBlock;
  return {pages.data() + static_cast<size_t>(i) * share, share};
}

// Pages come to the memory that is nearest to who writes them first.
void touch(const Pages& pages, int threads) {
  run_together(threads, [&](int i) { std::ranges::fill(part_of(pages, i, threads), std::byte{1}); });
}

double measure_read(const LimitLoops& loops, const Pages& pages, int threads, double seconds) {
  std::vector<uint64_t> sums(static_cast<size_t>(threads));  // kept, so that no read is left out
  const auto read = [&](int i) {
    const std::span<std::byte> part = part_of(pages, i, threads);
    sums[static_cast<size_t>(i)] = loops.read(part.data(), part.size());
  };
  const double bytes = static_cast<double>(part_of(pages, 0, threads).size()) * threads;
  return best_rate(seconds, bytes, [&] { return run_together(threads, read); });
}

// `loop` runs `rounds` times; `rounds` grow until a run is long against the start of threads.
template <typename Loop>
double measure_rounds(const Loop& loop, int64_t operations, int threads, double seconds) {
  constexpr double kLongEnough = 0.01;
  const auto run = [&](int64_t rounds) {
    return run_together(threads, [&](int) {
      const volatile auto result = loop(rounds);
      (void)result;
    });
  };
  int64_t rounds = int64_t{1} << 16;
  while (run(rounds) < kLongEnough) rounds *= 2;
  const double amount = static_cast<double>(rounds) * static_cast<double>(operations) * threads;
  return best_rate(seconds, amount, [&] { return run(rounds); });
}

}  // namespace

std::vector<MachineLimits> measure_machine_limits(Isa isa, std::span<const int> thread_counts,
                                                  double seconds) {
  const LimitLoops& loops = limit_loops(isa);
  std::vector<MachineLimits> result;
  if (thread_counts.empty()) return result;
  const Pages pages(memory_to_read());
  touch(pages, std::ranges::max(thread_counts));
  for (const int threads : thread_counts) {
    // Reading takes longest to come to rest.
    const double share = seconds / static_cast<double>(thread_counts.size()) / 4;
    MachineLimits limits;
    limits.threads = threads;
    limits.dram_read = 1e-9 * measure_read(loops, pages, threads, 2 * share);
    limits.fp32_gflops =
        1e-9 * measure_rounds(loops.multiply_add, loops.multiply_add_operations, threads, share);
    if (loops.int8_dot != nullptr) {
      limits.int8_tops = 1e-12 * measure_rounds(loops.int8_dot, loops.int8_dot_operations, threads, share);
    }
    result.push_back(limits);
  }
  return result;
}

}  // namespace fptq::kernels
