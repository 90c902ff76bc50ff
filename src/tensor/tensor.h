// Named arrays: a shape, a view that does not own, and an owner that does not copy silently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "tensor/dtype.h"

namespace fptq {

// Row-major, outermost dimension first. A scalar has rank 0 and one element.
using Shape = std::vector<int64_t>;

// "[576, 1536]"
std::string to_string(const Shape& shape);
// Product of the dimensions; throws Error(kBadModel, where) on a negative dimension or overflow.
int64_t element_count(const Shape& shape, const std::string& where);
// Bytes of a tensor; for block types the innermost dimension must be a whole number of blocks.
size_t storage_bytes(DType dtype, const Shape& shape, const std::string& where);

// Does not own `data`; whoever made it says how long that lives. `data` may be unaligned.
struct TensorView {
  DType dtype = DType::kF32;
  Shape shape;
  std::span<const std::byte> data;

  int64_t rows() const { return shape.empty() ? 1 : shape.front(); }
  // Elements of one row, that is of one index of the outermost dimension.
  int64_t row_elements() const;
  size_t row_bytes() const;
  const std::byte* row(int64_t r) const { return data.data() + static_cast<size_t>(r) * row_bytes(); }
};

// A view whose memory is kept alive by `owner` (a mapped file, or a buffer). Copies share the memory.
class Tensor {
 public:
  Tensor() = default;
  Tensor(TensorView view, std::shared_ptr<const void> owner)
      : view_(std::move(view)), owner_(std::move(owner)) {}
  // A new tensor with uninitialized memory; write through mutable_data() before sharing it.
  static Tensor allocate(DType dtype, Shape shape, std::byte** mutable_data);
  static Tensor from_floats(Shape shape, std::span<const float> values);

  explicit operator bool() const { return view_.data.data() != nullptr; }
  const TensorView& view() const { return view_; }
  DType dtype() const { return view_.dtype; }
  const Shape& shape() const { return view_.shape; }
  std::span<const std::byte> bytes() const { return view_.data; }
  // The same memory with another shape of equal size.
  Tensor reshaped(Shape shape) const;
  // All elements as floats (a copy).
  AlignedBuffer<float> to_floats() const;

 private:
  TensorView view_;
  std::shared_ptr<const void> owner_;
};

}  // namespace fptq
