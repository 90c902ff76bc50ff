#include "base/file_io.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/mapped_file.h"
#include "fptq/error.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void io_error(const fs::path& path, const char* doing) {
  const int error = errno;
  throw Error(ErrorKind::kIo, path.string(), fmt::format("cannot {}: {}", doing, std::strerror(error)));
}

}  // namespace

std::string read_text_file(const fs::path& path, size_t max_bytes) {
  const MappedFile file(path);
  if (file.size() > max_bytes) {
    throw Error(ErrorKind::kIo, path.string(),
                fmt::format("is {} bytes, at most {} are accepted", file.size(), max_bytes));
  }
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.size());
}

FileWriter::FileWriter(const fs::path& path) : path_(path) {
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) io_error(path, "create");
}

FileWriter::~FileWriter() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(path_.c_str());
}

void FileWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      io_error(path_, "write");
    }
    written_ += static_cast<size_t>(n);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

void FileWriter::reserve(size_t size) {
  const auto length = static_cast<off_t>(size);
  int error = 0;
  do {
    if (::fallocate(fd_, 0, 0, length) == 0) return;
    error = errno;
  } while (error == EINTR);
  if (error != EOPNOTSUPP && error != ENOSYS) {
    const std::string doing = fmt::format("reserve {} bytes", size);
    errno = error;
    io_error(path_, doing.c_str());
  }
  if (::ftruncate(fd_, length) != 0) io_error(path_, "set the size");
}

void FileWriter::write_at(size_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      io_error(path_, "write");
    }
    offset += static_cast<size_t>(n);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

void FileWriter::commit() {
  if (::fsync(fd_) != 0) io_error(path_, "flush");
  const int fd = fd_;
  fd_ = -1;
  if (::close(fd) != 0) {
    const int error = errno;
    ::unlink(path_.c_str());
    errno = error;
    io_error(path_, "close");
  }
}

void move_into_place(const fs::path& finished, const fs::path& path) {
  if (::rename(finished.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(finished.c_str());
    errno = error;
    io_error(path, "rename into place");
  }
  sync_folder(path.parent_path());
}

void sync_folder(const fs::path& folder) {
  const fs::path target = folder.empty() ? fs::path(".") : folder;
  const int fd = ::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) io_error(target, "open");
  // Some file systems cannot sync a directory; the data itself is already safe.
  ::fsync(fd);
  ::close(fd);
}

void write_file_atomically(const fs::path& path, std::string_view contents) {
  fs::path temporary = path;
  temporary += ".tmp";
  FileWriter writer(temporary);
  writer.write(contents);
  writer.commit();
  move_into_place(temporary, path);
}

size_t free_space(const fs::path& path) {
  fs::path existing = fs::absolute(path);
  std::error_code ec;
  while (!fs::exists(existing, ec) && existing.has_relative_path()) existing = existing.parent_path();
  struct statvfs s = {};
  if (::statvfs(existing.c_str(), &s) != 0) io_error(existing, "measure free space");
  return static_cast<size_t>(s.f_bavail) * s.f_frsize;
}

}  // namespace fptq
