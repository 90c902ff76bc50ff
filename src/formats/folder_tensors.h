// The tensors of a model directory, with what is expected of them and what was written about them.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "io/tensor_set.h"

namespace fptq {

// Whether tensors are read with a look at their values: checksums against the manifest, finite floats.
// Without it a model opens without touching its weights; for those whose values were looked at before.
enum class ValueChecks { kAll, kNone };

// expect() is called while the model is opened, by one thread; afterwards const members are thread-safe.
class FolderTensors {
 public:
  // Opens the safetensors files of `folder` and, if there is one and values are checked, its manifest.
  FolderTensors(const std::filesystem::path& folder, ValueChecks checks);

  bool contains(const std::string& name) const { return set_.contains(name); }
  // Tensor `name` must be there with one of `shapes` and `dtypes`; throws Error(kBadModel, file:name).
  void expect(const std::string& name, const std::vector<Shape>& shapes, std::initializer_list<DType> dtypes);
  // F32, F16 or BF16 of `shape`.
  void expect_dense(const std::string& name, const Shape& shape);
  // `name`, if it is there, belongs to the model although nothing is expected of it.
  void accept(const std::string& name) { known_.insert(name); }
  // Names that nobody expected, sorted.
  std::vector<std::string> unexpected() const;

  // Type of a tensor that is there; its bytes stay untouched.
  DType dtype(const std::string& name) const { return set_.require(name).dtype(); }
  // The tensor, after its bytes were compared with the manifest's checksum, if there is one: a changed code
  // would look like any other. Throws Error(kBadModel, file:name) when it is missing or differs.
  Tensor read(const std::string& name) const;
  // The same for a dense tensor, whose elements must be finite.
  Tensor read_dense(const std::string& name) const;
  // Tensors whose names start with "model.layers.<layer>." are not needed soon.
  void release_layer(int64_t layer) const;

  std::string where(const std::string& name) const { return set_.where(name); }
  // Of the safetensors files.
  uint64_t file_bytes() const;

 private:
  TensorSet set_;
  ValueChecks checks_;
  std::set<std::string> known_;
  std::map<std::string, std::string> hashes_;
};

}  // namespace fptq
