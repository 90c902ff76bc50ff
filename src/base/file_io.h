// Whole small files in and out. Everything throws Error(kIo) naming the path and the system's reason.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace fptq {

// The contents of a regular file of at most `max_bytes`.
std::string read_text_file(const std::filesystem::path& path, size_t max_bytes = size_t{1} << 30);

// Writes a new file: temporary name in the same folder, fsync, rename. A crash leaves the old file or the
// new one, never a mixture.
void write_file_atomically(const std::filesystem::path& path, std::string_view contents);

// A file on its way, closed and removed by the destructor unless commit() was reached.
class FileWriter {
 public:
  // Creates (truncates) `path`.
  explicit FileWriter(const std::filesystem::path& path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // At the end of what was written so far.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
  size_t bytes_written() const { return written_; }
  // Sets the file's size and takes the space for it; where a file system cannot, writing will find out.
  void reserve(size_t size);
  // Beside the two above, which it does not move. Threads may write different places at the same time.
  void write_at(size_t offset, std::span<const std::byte> bytes);
  // fsync and close; the file stays.
  void commit();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  size_t written_ = 0;
};

// Gives a finished file its name, in place of what had it, and makes that durable; it is gone when it could
// not have the name. Both are in the same file system.
void move_into_place(const std::filesystem::path& finished, const std::filesystem::path& path);

// Makes renames and new names in `folder` durable.
void sync_folder(const std::filesystem::path& folder);

// Bytes free to an unprivileged writer on the file system that holds (the nearest existing parent of) `path`.
size_t free_space(const std::filesystem::path& path);

}  // namespace fptq
