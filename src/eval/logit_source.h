// Where the logits of a text come from, one window after the other.
#pragma once

#include <cstdint>
#include <span>

namespace fptq {

// Not thread-safe.
class LogitSource {
 public:
  virtual ~LogitSource() = default;

  virtual int64_t vocab_size() const = 0;
  // The next window of the text; it starts cold.
  virtual void run_window(std::span<const int32_t> ids) = 0;
  // Logits [rows, vocab_size] of that window's positions [begin, begin + rows), valid until the next call.
  virtual const float* logits(int64_t begin, int64_t rows) = 0;
};

}  // namespace fptq
