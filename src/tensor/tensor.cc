#include "tensor/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>

#include "base/checked.h"

namespace fptq {

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

int64_t element_count(const Shape& shape, const std::string& where) {
  int64_t n = 1;
  for (const int64_t d : shape) {
    if (d < 0)
      throw Error(ErrorKind::kBadModel, where,
                  fmt::format("negative dimension in shape {}", to_string(shape)));
    n = checked_mul(n, d, where);
  }
  return n;
}

size_t storage_bytes(DType dtype, const Shape& shape, const std::string& where) {
  const DTypeInfo& info = dtype_info(dtype);
  const int64_t n = element_count(shape, where);
  if (n == 0) return 0;
  if (info.block_size > 1 && (shape.empty() || shape.back() % info.block_size != 0)) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("rows of {} elements are not whole {} blocks of {}",
                            shape.empty() ? 1 : shape.back(), info.name, info.block_size));
  }
  return checked_mul(static_cast<size_t>(n / info.block_size), info.block_bytes, where);
}

int64_t TensorView::row_elements() const {
  int64_t n = 1;
  for (size_t i = 1; i < shape.size(); ++i) n *= shape[i];
  return n;
}

size_t TensorView::row_bytes() const {
  const DTypeInfo& info = dtype_info(dtype);
  return static_cast<size_t>(row_elements() / info.block_size) * info.block_bytes;
}

Tensor Tensor::allocate(DType dtype, Shape shape, std::byte** mutable_data) {
  auto buffer = std::make_shared<AlignedBuffer<std::byte>>(
      std::max<size_t>(storage_bytes(dtype, shape, "new tensor"), 1));
  *mutable_data = buffer->data();
  TensorView view{dtype, std::move(shape), {}};
  view.data = {buffer->data(), storage_bytes(dtype, view.shape, "new tensor")};
  return Tensor(std::move(view), std::move(buffer));
}

Tensor Tensor::from_floats(Shape shape, std::span<const float> values) {
  std::byte* data = nullptr;
  Tensor t = allocate(DType::kF32, std::move(shape), &data);
  if (t.bytes().size() != values.size_bytes()) {
    throw Error(ErrorKind::kFailure, "tensor", "shape and values differ in size");
  }
  if (!values.empty()) std::memcpy(data, values.data(), values.size_bytes());
  return t;
}

Tensor Tensor::reshaped(Shape shape) const {
  if (storage_bytes(dtype(), shape, "reshape") != bytes().size()) {
    throw Error(ErrorKind::kFailure, "tensor", "reshape changes the size");
  }
  return Tensor({dtype(), std::move(shape), bytes()}, owner_);
}

AlignedBuffer<float> Tensor::to_floats() const {
  const int64_t n = element_count(shape(), "tensor");
  AlignedBuffer<float> out(static_cast<size_t>(n));
  decode_row(dtype(), bytes().data(), out.data(), n);
  return out;
}

}  // namespace fptq
