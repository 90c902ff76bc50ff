// How a text is cut for an evaluation: windows of `ctx` tokens every `stride`, each starting cold. Where they
// overlap, each scores and compares what the one before has not.
#pragma once

#include <algorithm>
#include <cstdint>

namespace fptq {

// Positions [first, last) of a window.
struct ComparedPositions {
  int64_t first = 0;
  int64_t last = 0;

  int64_t count() const { return last - first; }
};

class TextWindows {
 public:
  // `tokens` at least 2; a text shorter than `ctx` is one window. `stride` 0: ctx.
  TextWindows(int64_t tokens, int64_t ctx, int64_t stride)
      : ctx_(std::min(ctx, tokens)),
        stride_(stride == 0 ? ctx_ : std::min(stride, ctx_)),
        count_(1 + (tokens - ctx_) / stride_) {}

  int64_t ctx() const { return ctx_; }
  int64_t stride() const { return stride_; }
  int64_t count() const { return count_; }
  // In whole windows.
  int64_t tokens() const { return ctx_ + (count_ - 1) * stride_; }
  // The first token of a window.
  int64_t begin(int64_t window) const { return window * stride_; }
  ComparedPositions compared(int64_t window) const {
    if (stride_ == ctx_) return {0, ctx_};
    // The position before the first new token predicts it.
    return {window > 0 ? ctx_ - stride_ - 1 : 0, ctx_ - 1};
  }

 private:
  int64_t ctx_, stride_, count_;
};

}  // namespace fptq
