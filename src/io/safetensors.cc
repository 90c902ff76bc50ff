#include "io/safetensors.h"

#include <utility>

namespace fptq {

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  SafetensorsHeader header = parse_safetensors_header(file->bytes(), path.string());
  return SafetensorsFile(std::move(file), std::move(header));
}

SafetensorsFile::SafetensorsFile(std::shared_ptr<const MappedFile> file, SafetensorsHeader header)
    : MappedTensors(std::move(file), std::move(header.tensors)), metadata_(std::move(header.metadata)) {}

}  // namespace fptq
