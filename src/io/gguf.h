// GGUF files, versions 2 and 3, little-endian.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/gguf_metadata.h"
#include "io/mapped_tensors.h"

namespace fptq {

struct GgufContents {
  GgufMetadata metadata;              // views the memory that was parsed
  std::vector<StoredTensor> tensors;  // in the order of the file; `begin` counts from its start
};

// Reads all of the GGUF file that `file` holds except the tensors' data, by the rules of the reference reader
// (ggml's gguf.cpp): tensors lie one after the other, each padded to general.alignment. Shapes come out
// outermost first, that is in reverse of the file's. Memory used is a small multiple of what the file holds.
// Throws Error(kBadModel) with `where` (the file's name) and the key's or tensor's.
GgufContents parse_gguf(std::span<const std::byte> file, const std::string& where);

// A mapped GGUF file. Const members are thread-safe; tensors keep the map alive.
class GgufFile : public MappedTensors {
 public:
  // Throws Error(kIo) when the file cannot be opened, Error(kBadModel) when it is malformed.
  static GgufFile open(const std::filesystem::path& path);

  const GgufMetadata& metadata() const { return metadata_; }

 private:
  GgufFile(std::shared_ptr<const MappedFile> file, GgufContents contents);

  GgufMetadata metadata_;
};

}  // namespace fptq
