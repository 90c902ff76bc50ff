// Writes a safetensors file whose tensors are produced one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/file_io.h"
#include "io/mapped_tensors.h"

namespace fptq {

struct TensorInfo {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
};

// The layout is fixed before the first byte of data is known, and is the reference writer's: tensors by type
// (widest first), then by name; header padded with spaces to a multiple of 8. For equal input the files of
// both are equal byte for byte. The destructor removes the file unless commit() succeeded.
class SafetensorsWriter {
 public:
  // Creates (truncates) `path`, reserves the space of the whole file and writes the header. Transformers
  // expects `metadata` to hold {"format", "pt"}. Throws Error(kFailure) on a name that is used twice or
  // that no reader accepts, Error(kIo) when the file cannot be created or the space is not there.
  SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorInfo>& tensors,
                    const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

  // Each tensor once, in any order; `bytes` is the whole tensor. Threads may write different tensors at
  // the same time. Throws Error(kFailure) on an unknown name, a wrong size or a second time.
  void write(const std::string& name, std::span<const std::byte> bytes);
  // Every tensor was written (else Error(kFailure) naming one that was not); the file is made durable.
  void commit();

  size_t file_size() const { return file_size_; }

 private:
  std::filesystem::path path_;
  std::vector<StoredTensor> tensors_;
  std::unordered_map<std::string, size_t> index_;
  std::vector<uint8_t> written_;  // bytes, not bits: threads set different ones
  size_t file_size_ = 0;
  std::optional<FileWriter> file_;
};

}  // namespace fptq
