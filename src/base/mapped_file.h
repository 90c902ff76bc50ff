// A read-only memory map of a whole regular file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace fptq {

// Move-only owner of the mapping; spans it hands out live as long as it does. Refuses anything that is
// not a regular file (FIFO, device, directory) with Error(kIo). An empty file maps to an empty span.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
  size_t size() const { return size_; }

  // Tells the kernel that [data, data + size) of this map is not needed soon, so that streaming over a
  // large model does not keep it resident.
  void drop_from_memory(std::span<const std::byte> range) const;

 private:
  std::filesystem::path path_;
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace fptq
