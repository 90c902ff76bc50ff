// All tensors of a checkpoint folder, whether it is one file or many shards.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/safetensors.h"

namespace fptq {

// Const members are thread-safe; tensors keep the file they view mapped.
class TensorSet {
 public:
  // Opens `folder`/model.safetensors or, when there is none, the shards of model.safetensors.index.json, and
  // checks every header before any tensor is handed out. If both are there the single file is used, as
  // transformers does, provided that the index names the same tensors. With an index, each shard must hold
  // exactly the tensors that the index says. Shards outside the folder are refused, also when a symbolic
  // link leads there (only the layout of the Hugging Face cache, snapshots/<rev> linking into blobs/, is
  // known and accepted). Pickle checkpoints are refused. Throws Error(kIo) or Error(kBadModel).
  static TensorSet open(const std::filesystem::path& folder);

  std::optional<Tensor> find(std::string_view name) const;
  // Throws Error(kBadModel) naming the folder and the tensor when it is missing.
  Tensor require(std::string_view name) const;
  bool contains(std::string_view name) const { return shard_of(name) != nullptr; }
  // Sorted.
  std::vector<std::string> names() const;
  // Bytes of all tensors.
  size_t total_bytes() const;
  // The pages of tensor `name` need not stay in memory; it can still be read.
  void release(std::string_view name) const;
  // "path/to/shard.safetensors:name", for errors about a tensor's contents.
  std::string where(std::string_view name) const;
  // The files that the tensors come from.
  std::vector<std::filesystem::path> files() const;

 private:
  explicit TensorSet(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void add_shard(SafetensorsFile file);
  const SafetensorsFile* shard_of(std::string_view name) const;

  std::filesystem::path folder_;
  std::vector<SafetensorsFile> shards_;
  std::map<std::string, size_t, std::less<>> shard_index_;
};

}  // namespace fptq
