#include "formats/partial_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file_io.h"
#include "fptq/error.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

constexpr const char* kLock = "lock";
constexpr const char* kFingerprint = "fingerprint";
constexpr const char* kResult = "result";

[[noreturn]] void fail(const fs::path& path, const std::string& what, const std::string& fix = {}) {
  throw Error(ErrorKind::kIo, path.string(), what, fix);
}

void check(const std::error_code& ec, const fs::path& path, const char* doing) {
  if (ec) fail(path, fmt::format("cannot {}: {}", doing, ec.message()));
}

// "a/b/" and "a/b" name the same directory, but only the second has a sibling "a/b.partial".
fs::path without_trailing_slash(const fs::path& path) {
  const fs::path normal = path.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

bool same_file(const fs::path& a, const fs::path& b) {
  struct stat x = {}, y = {};
  return ::stat(a.c_str(), &x) == 0 && ::stat(b.c_str(), &y) == 0 && x.st_dev == y.st_dev &&
         x.st_ino == y.st_ino;
}

// `path` or one of the folders that it is in is `folder`.
bool is_within(const fs::path& path, const fs::path& folder) {
  std::error_code ec;
  fs::path p = fs::weakly_canonical(fs::absolute(path), ec);
  if (ec) return false;
  while (true) {
    if (same_file(p, folder)) return true;
    if (!p.has_relative_path()) return false;
    p = p.parent_path();
  }
}

bool replaceable(const fs::path& folder) {
  return fs::is_directory(folder) && (fs::is_empty(folder) || fs::exists(folder / "config.json"));
}

void check_apart(const fs::path& output, const fs::path& source) {
  if (same_file(output, source)) fail(output, "is the model itself", "choose another output");
  if (fs::is_directory(source) && is_within(output, source)) {
    fail(output, "lies in the model's own directory " + source.string(), "choose another output");
  }
  if (is_within(source, output)) fail(output, "holds the model " + source.string(), "choose another output");
}

}  // namespace

void check_output(const fs::path& output, const fs::path& source, bool overwrite) {
  if (output.empty()) fail(output, "the output has no name");
  if (!source.empty()) check_apart(output, source);
  std::error_code ec;
  const fs::file_status status = fs::symlink_status(output, ec);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) fail(output, "exists and is not a directory", "choose another output");
  if (!overwrite) fail(output, "exists already", "choose another output, or allow to overwrite it");
  if (!replaceable(output))
    fail(output, "is not a model directory and is not replaced", "choose another output");
}

PartialFolder::PartialFolder(fs::path output, const std::string& fingerprint)
    : output_(without_trailing_slash(output)) {
  path_ = output_;
  path_ += ".partial";
  lock();
  try {
    const fs::path name = path_ / kFingerprint;
    if (fs::exists(name) && read_text_file(name) == fingerprint) return;
    for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
      if (entry.path().filename() != kLock) fs::remove_all(entry.path());
    }
    write_file_atomically(name, fingerprint);
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

PartialFolder::~PartialFolder() {
  if (lock_ >= 0) ::close(lock_);
}

void PartialFolder::lock() {
  std::error_code ec;
  const fs::path name = path_ / kLock;
  while (true) {
    fs::create_directories(path_, ec);
    check(ec, path_, "create");
    lock_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock_ < 0) fail(name, fmt::format("cannot create: {}", std::strerror(errno)));
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      // Some network file systems know no locks; there is nothing to wait for then.
      if (error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS) return;
      ::close(lock_);
      lock_ = -1;
      if (error != EWOULDBLOCK) fail(name, fmt::format("cannot lock: {}", std::strerror(error)));
      fail(output_, "another run is writing it", "wait for it, or choose another output");
    }
    struct stat held = {}, named = {};
    if (::fstat(lock_, &held) == 0 && ::stat(name.c_str(), &named) == 0 && held.st_ino == named.st_ino)
      return;
    // The run that had it finished and removed the folder between our open and our lock.
    ::close(lock_);
  }
}

fs::path PartialFolder::fresh_result_folder() const {
  const fs::path result = path_ / kResult;
  std::error_code ec;
  fs::remove_all(result, ec);
  check(ec, result, "remove");
  fs::create_directory(result, ec);
  check(ec, result, "create");
  return result;
}

void PartialFolder::publish(bool overwrite) {
  const fs::path result = path_ / kResult;
  sync_folder(result);
  const bool exists = fs::exists(fs::symlink_status(output_));
  if (exists && !overwrite) fail(output_, "appeared while the result was made", "choose another output");
  if (!exists || ::renameat2(AT_FDCWD, result.c_str(), AT_FDCWD, output_.c_str(), RENAME_EXCHANGE) != 0) {
    std::error_code ec;
    if (exists) {
      // Where two folders cannot change places in one step, the old one goes first.
      fs::rename(output_, path_ / "replaced", ec);
      check(ec, output_, "move away");
    }
    fs::rename(result, output_, ec);
    check(ec, output_, "rename into place");
  }
  sync_folder(output_.parent_path());
  remove();
}

void PartialFolder::remove() noexcept {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace fptq
