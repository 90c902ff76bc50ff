// The tensors of one mapped file, by name.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/tensor.h"

namespace fptq {

// Where a file keeps a tensor: bytes [begin, begin + size) of the file. Readers hand these out only after
// they checked that the range lies in the file and that its size is that of the shape.
struct StoredTensor {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  size_t begin = 0;
  size_t size = 0;
};

// Const members are thread-safe. Tensors handed out are views into the map and keep it alive.
class MappedTensors {
 public:
  // `tensors` lie within `file` and have distinct names.
  MappedTensors(std::shared_ptr<const MappedFile> file, std::vector<StoredTensor> tensors);

  // In the order of the file.
  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  std::vector<std::string> names() const;
  // Null when there is no such tensor.
  const StoredTensor* find(std::string_view name) const;
  // Throws Error(kBadModel, "file:name") when there is no such tensor.
  Tensor tensor(std::string_view name) const;
  // The pages of tensor `name`, if there is one, need not stay in memory.
  void release(std::string_view name) const;

  const MappedFile& file() const { return *file_; }
  // The path, as errors name the file.
  std::string where() const { return file_->path().string(); }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<StoredTensor> tensors_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace fptq
