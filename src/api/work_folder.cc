#include "api/work_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "fptq/error.h"

namespace fptq {
namespace fs = std::filesystem;

WorkFolder::WorkFolder(fs::path path) : path_(std::move(path)) {
  if (path_.empty()) throw Error(ErrorKind::kUsage, "work folder", "has no name");
  std::error_code ec;
  fs::create_directories(path_, ec);
  if (ec) throw Error(ErrorKind::kIo, path_.string(), "cannot create: " + ec.message());
  const fs::path name = path_ / "lock";
  lock_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0)
    throw Error(ErrorKind::kIo, name.string(), fmt::format("cannot create: {}", std::strerror(errno)));
  if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return;
  // Some network file systems know no locks; runs are then the user's to keep apart.
  if (errno != EWOULDBLOCK) return;
  ::close(lock_);
  throw Error(ErrorKind::kIo, path_.string(), "another run works in it",
              "wait for it, or choose another folder");
}

WorkFolder::~WorkFolder() {
  ::close(lock_);
}

}  // namespace fptq
