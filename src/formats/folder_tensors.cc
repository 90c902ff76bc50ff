#include "formats/folder_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/hash.h"
#include "formats/finite.h"
#include "formats/manifest.h"
#include "fptq/error.h"
#include "io/printable.h"

namespace fptq {

FolderTensors::FolderTensors(const std::filesystem::path& folder, ValueChecks checks)
    : set_(TensorSet::open(folder)), checks_(checks) {
  if (checks == ValueChecks::kNone) return;
  const std::optional<Manifest> manifest = read_manifest(folder);
  if (!manifest) return;
  for (const auto& [file, entry] : manifest->files)
    hashes_.insert(entry.tensors.begin(), entry.tensors.end());
}

void FolderTensors::expect(const std::string& name, const std::vector<Shape>& shapes,
                           std::initializer_list<DType> dtypes) {
  const Tensor t = set_.require(name);
  if (std::find(dtypes.begin(), dtypes.end(), t.dtype()) == dtypes.end()) {
    std::string expected;
    for (const DType d : dtypes)
      expected += (expected.empty() ? "" : " or ") + std::string(dtype_info(d).name);
    throw Error(ErrorKind::kBadModel, where(name),
                fmt::format("expected type {}, found {}", expected, dtype_info(t.dtype()).name));
  }
  if (std::find(shapes.begin(), shapes.end(), t.shape()) == shapes.end()) {
    throw Error(ErrorKind::kBadModel, where(name),
                fmt::format("expected shape {}, found {}", to_string(shapes.front()), to_string(t.shape())));
  }
  known_.insert(name);
}

void FolderTensors::expect_dense(const std::string& name, const Shape& shape) {
  expect(name, {shape}, {DType::kF32, DType::kF16, DType::kBF16});
}

std::vector<std::string> FolderTensors::unexpected() const {
  std::vector<std::string> out;
  for (std::string& name : set_.names()) {
    if (!known_.contains(name)) out.push_back(std::move(name));
  }
  return out;
}

Tensor FolderTensors::read(const std::string& name) const {
  Tensor t = set_.require(name);
  const auto expected = hashes_.find(name);
  if (expected != hashes_.end() && hash_hex(t.bytes()) != expected->second) {
    throw Error(ErrorKind::kBadModel, where(name),
                fmt::format("differs from what {} says was written", kManifestName),
                "the file is damaged or was edited: make it again");
  }
  return t;
}

Tensor FolderTensors::read_dense(const std::string& name) const {
  Tensor t = read(name);
  if (checks_ == ValueChecks::kAll) check_finite(t, where(name));
  return t;
}

void FolderTensors::release_layer(int64_t layer) const {
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  for (auto it = known_.lower_bound(prefix); it != known_.end() && it->starts_with(prefix); ++it)
    set_.release(*it);
}

uint64_t FolderTensors::file_bytes() const {
  uint64_t bytes = 0;
  for (const std::filesystem::path& file : set_.files()) bytes += std::filesystem::file_size(file);
  return bytes;
}

}  // namespace fptq
