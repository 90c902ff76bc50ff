// A matrix cut into tiles for the threads of a pool.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/thread_pool.h"

namespace fptq {

// Tiles of `tile` rows or columns that cover n of them.
inline int64_t tiles(int64_t n, int64_t tile) {
  return (n + tile - 1) / tile;
}

// Runs body(first row, first column, rows, columns) for each tile of an [m, n] matrix, each on one thread.
// The tiles depend on the shape alone.
template <typename Body>
void each_tile(ThreadPool& pool, int64_t m, int64_t n, int64_t tile, const Body& body) {
  const int64_t across = tiles(n, tile);
  pool.parallel_for(tiles(m, tile) * across, 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t row = t / across * tile, col = t % across * tile;
      body(row, col, std::min(tile, m - row), std::min(tile, n - col));
    }
  });
}

}  // namespace fptq
