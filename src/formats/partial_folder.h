// The folder that a result is made in, and its way to the final name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace fptq {

// `<output>.partial`, locked against other runs for as long as this object lives.
class PartialFolder {
 public:
  // Creates or reopens it. What an earlier run with another fingerprint left is removed. Throws Error(kIo)
  // when another process holds the lock or the folder cannot be made.
  PartialFolder(std::filesystem::path output, const std::string& fingerprint);
  // Lets the lock go; the folder stays.
  ~PartialFolder();
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Where the files of the result are assembled; emptied by every call.
  std::filesystem::path fresh_result_folder() const;
  // Gives the result folder the output's name in one step, replaces what is there if `overwrite`, and removes
  // the rest.
  void publish(bool overwrite);
  void remove() noexcept;

 private:
  void lock();

  std::filesystem::path output_;
  std::filesystem::path path_;
  int lock_ = -1;
};

// Throws Error(kIo) unless a new directory `output` may be written: it does not exist, or is empty or a model
// directory and `overwrite` is set; and neither of it and `source` is the other or lies in it, by device and
// inode. `source` may be empty: nothing is read.
void check_output(const std::filesystem::path& output, const std::filesystem::path& source, bool overwrite);

}  // namespace fptq
