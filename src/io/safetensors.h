// Safetensors files: `u64 N | N bytes of JSON | data`, little-endian, tensors row-major.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "io/mapped_tensors.h"
#include "io/safetensors_header.h"
#include "io/safetensors_writer.h"

namespace fptq {

// A mapped safetensors file whose header was checked (see parse_safetensors_header). Const members are
// thread-safe; tensors keep the map alive.
class SafetensorsFile : public MappedTensors {
 public:
  // Throws Error(kIo) when the file cannot be opened, Error(kBadModel) when it is malformed.
  static SafetensorsFile open(const std::filesystem::path& path);

  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  SafetensorsFile(std::shared_ptr<const MappedFile> file, SafetensorsHeader header);

  std::map<std::string, std::string> metadata_;
};

}  // namespace fptq
