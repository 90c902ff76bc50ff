#include "tasks/python_random.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

namespace fptq {
namespace {

constexpr uint32_t kWords = 624;

// Gives std::mt19937::seed() the state that init_by_array() makes of the seed's 32-bit digits.
class InitByArray {
 public:
  using result_type = uint32_t;

  explicit InitByArray(uint64_t seed) {
    std::vector<uint32_t> key = {static_cast<uint32_t>(seed)};
    if (seed >> 32 != 0) key.push_back(static_cast<uint32_t>(seed >> 32));
    state_[0] = 19650218u;
    for (uint32_t i = 1; i < kWords; ++i)
      state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + i;
    uint32_t i = 1, j = 0;
    for (uint32_t k = kWords; k > 0; --k) {
      state_[i] = (state_[i] ^ (mixed(i) * 1664525u)) + key[j] + j;
      advance(i);
      j = (j + 1) % static_cast<uint32_t>(key.size());
    }
    for (uint32_t k = kWords - 1; k > 0; --k) {
      state_[i] = (state_[i] ^ (mixed(i) * 1566083941u)) - i;
      advance(i);
    }
    state_[0] = 0x80000000u;
  }
  template <typename Iterator>
  void generate(Iterator begin, Iterator end) const {
    std::copy(state_.begin(), state_.begin() + (end - begin), begin);
  }

 private:
  uint32_t mixed(uint32_t i) const { return state_[i - 1] ^ (state_[i - 1] >> 30); }
  void advance(uint32_t& i) {
    if (++i < kWords) return;
    state_[0] = state_[kWords - 1];
    i = 1;
  }

  std::array<uint32_t, kWords> state_;
};

}  // namespace

PythonRandom::PythonRandom(uint64_t seed) {
  InitByArray state(seed);
  generator_.seed(state);
}

int64_t PythonRandom::below(int64_t n) {
  const int bits = std::bit_width(static_cast<uint32_t>(n));
  while (true) {
    const int64_t value = generator_() >> (32 - bits);
    if (value < n) return value;
  }
}

std::vector<int64_t> PythonRandom::sample(int64_t n, int64_t k) {
  // CPython chooses between a pool and a set by the memory they would take, and draws differently from them.
  double set_size = 21;
  if (k > 5) set_size += std::pow(4.0, std::ceil(std::log(static_cast<double>(k * 3)) / std::log(4.0)));
  std::vector<int64_t> drawn;
  if (static_cast<double>(n) <= set_size) {
    std::vector<int64_t> pool(static_cast<size_t>(n));
    std::iota(pool.begin(), pool.end(), 0);
    for (int64_t i = 0; i < k; ++i) {
      const size_t j = static_cast<size_t>(below(n - i));
      drawn.push_back(pool[j]);
      pool[j] = pool[static_cast<size_t>(n - i - 1)];
    }
    return drawn;
  }
  while (std::ssize(drawn) < k) {
    const int64_t j = below(n);
    if (std::ranges::find(drawn, j) == drawn.end()) drawn.push_back(j);
  }
  return drawn;
}

}  // namespace fptq
