#include "io/mapped_tensors.h"

#include <utility>

#include "fptq/error.h"
#include "io/printable.h"

namespace fptq {

MappedTensors::MappedTensors(std::shared_ptr<const MappedFile> file, std::vector<StoredTensor> tensors)
    : file_(std::move(file)), tensors_(std::move(tensors)) {
  index_.reserve(tensors_.size());
  for (size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
}

std::vector<std::string> MappedTensors::names() const {
  std::vector<std::string> names;
  names.reserve(tensors_.size());
  for (const StoredTensor& t : tensors_) names.push_back(t.name);
  return names;
}

const StoredTensor* MappedTensors::find(std::string_view name) const {
  const auto it = index_.find(std::string(name));
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

Tensor MappedTensors::tensor(std::string_view name) const {
  const StoredTensor* t = find(name);
  if (t == nullptr) {
    throw Error(ErrorKind::kBadModel, where_in(file_->path().string(), name), "the file has no such tensor");
  }
  return Tensor({t->dtype, t->shape, file_->bytes().subspan(t->begin, t->size)}, file_);
}

void MappedTensors::release(std::string_view name) const {
  if (const StoredTensor* t = find(name)) file_->drop_from_memory(file_->bytes().subspan(t->begin, t->size));
}

}  // namespace fptq
