// The folder of a run over many trials.
#pragma once

#include <filesystem>

namespace fptq {

// Made where it is missing, and locked against other runs for as long as this object lives.
class WorkFolder {
 public:
  // Throws Error(kIo) when it cannot be made or another process holds it.
  explicit WorkFolder(std::filesystem::path path);
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace fptq
