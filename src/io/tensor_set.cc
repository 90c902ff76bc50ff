#include "io/tensor_set.h"

#include <fmt/format.h>

#include <set>
#include <system_error>
#include <utility>

#include "base/file_io.h"
#include "fptq/error.h"
#include "io/checkpoint_folder.h"
#include "io/printable.h"
#include "io/weight_index.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void bad(const std::string& where, const std::string& what, const std::string& fix = {}) {
  throw Error(ErrorKind::kBadModel, where, what, fix);
}

// Also true for a link that leads nowhere: that is an error to report, not a file to overlook.
bool is_there(const fs::path& path) {
  std::error_code ec;
  return fs::symlink_status(path, ec).type() != fs::file_type::not_found && !ec;
}

std::map<std::string, std::string> read_index(const fs::path& folder) {
  const fs::path path = file_within(folder, kIndexFile);
  return parse_weight_index(read_text_file(path, size_t{100} << 20), path.string());
}

// What the single file holds and what the index beside it lists must be the same model.
void expect_same_names(const SafetensorsFile& file, const std::map<std::string, std::string>& index,
                       const fs::path& folder) {
  const std::string fix = "remove the one that is out of date";
  for (const auto& [name, shard] : index) {
    if (file.find(name) == nullptr) {
      bad(where_in((folder / kIndexFile).string(), name), fmt::format("is not in {} beside it", kSingleFile),
          fix);
    }
  }
  for (const StoredTensor& t : file.tensors()) {
    if (!index.contains(t.name)) {
      bad(where_in((folder / kSingleFile).string(), t.name),
          fmt::format("is not in {} beside it", kIndexFile), fix);
    }
  }
}

void expect_indexed_tensors(const SafetensorsFile& shard, const std::string& shard_name,
                            const std::map<std::string, std::string>& index, const std::string& index_path) {
  for (const StoredTensor& t : shard.tensors()) {
    const auto it = index.find(t.name);
    const std::string where = where_in(shard.file().path().string(), t.name);
    if (it == index.end()) bad(where, fmt::format("is not listed in {}", kIndexFile));
    if (it->second != shard_name) {
      bad(where, fmt::format("is in this shard, but {} says it is in {}", kIndexFile, printable(it->second)));
    }
  }
  for (const auto& [name, in] : index) {
    if (in == shard_name && shard.find(name) == nullptr) {
      bad(where_in(index_path, name),
          fmt::format("is not in {}, where the index says it is", printable(shard_name)));
    }
  }
}

}  // namespace

TensorSet TensorSet::open(const fs::path& folder) {
  TensorSet set(folder);
  const bool indexed = is_there(folder / kIndexFile);
  if (is_there(folder / kSingleFile)) {
    SafetensorsFile file = SafetensorsFile::open(file_within(folder, kSingleFile));
    if (indexed) expect_same_names(file, read_index(folder), folder);
    set.add_shard(std::move(file));
    return set;
  }
  if (!indexed) explain_missing_weights(folder);
  const std::map<std::string, std::string> index = read_index(folder);
  std::set<std::string> shard_names;
  for (const auto& [name, shard] : index) shard_names.insert(shard);
  for (const std::string& name : shard_names) {
    if (!is_there(folder / name)) {
      throw Error(ErrorKind::kIo, where_in((folder / kIndexFile).string(), name), "this shard is missing",
                  "download the rest of the checkpoint");
    }
    SafetensorsFile shard = SafetensorsFile::open(file_within(folder, name));
    expect_indexed_tensors(shard, name, index, (folder / kIndexFile).string());
    set.add_shard(std::move(shard));
  }
  return set;
}

void TensorSet::add_shard(SafetensorsFile file) {
  for (const StoredTensor& t : file.tensors()) shard_index_.emplace(t.name, shards_.size());
  shards_.push_back(std::move(file));
}

const SafetensorsFile* TensorSet::shard_of(std::string_view name) const {
  const auto it = shard_index_.find(name);
  return it == shard_index_.end() ? nullptr : &shards_[it->second];
}

std::optional<Tensor> TensorSet::find(std::string_view name) const {
  const SafetensorsFile* shard = shard_of(name);
  return shard == nullptr ? std::nullopt : std::optional(shard->tensor(name));
}

Tensor TensorSet::require(std::string_view name) const {
  const SafetensorsFile* shard = shard_of(name);
  if (shard == nullptr) bad(where_in(folder_.string(), name), "the checkpoint has no such tensor");
  return shard->tensor(name);
}

std::vector<std::string> TensorSet::names() const {
  std::vector<std::string> names;
  names.reserve(shard_index_.size());
  for (const auto& [name, shard] : shard_index_) names.push_back(name);
  return names;
}

size_t TensorSet::total_bytes() const {
  size_t total = 0;
  for (const SafetensorsFile& shard : shards_) {
    for (const StoredTensor& t : shard.tensors()) total += t.size;
  }
  return total;
}

void TensorSet::release(std::string_view name) const {
  if (const SafetensorsFile* shard = shard_of(name)) shard->release(name);
}

std::string TensorSet::where(std::string_view name) const {
  const SafetensorsFile* shard = shard_of(name);
  return where_in((shard == nullptr ? folder_ : shard->file().path()).string(), name);
}

std::vector<fs::path> TensorSet::files() const {
  std::vector<fs::path> files;
  for (const SafetensorsFile& shard : shards_) files.push_back(shard.file().path());
  return files;
}

}  // namespace fptq
