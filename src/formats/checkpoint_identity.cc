#include "formats/checkpoint_identity.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/hash.h"
#include "base/mapped_file.h"
#include "formats/manifest.h"
#include "fptq/error.h"
#include "io/checkpoint_folder.h"
#include "io/safetensors_header.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

// Lengths go in as well: without them "ab", "c" and "a", "bc" would be the same.
void add(Hasher& hasher, std::span<const std::byte> bytes) {
  hasher.add(fmt::format("{}:", bytes.size())).add(bytes);
}

void add(Hasher& hasher, const std::string& text) {
  add(hasher, std::as_bytes(std::span(text)));
}

void add_contents(Hasher& hasher, const fs::path& path) {
  if (!fs::exists(path)) return add(hasher, std::string("none"));
  add(hasher, MappedFile(path).bytes());
}

void add_weights(Hasher& hasher, const fs::path& path) {
  struct stat st = {};
  if (::stat(path.c_str(), &st) != 0) {
    throw Error(ErrorKind::kIo, path.string(), std::string("cannot look at: ") + std::strerror(errno));
  }
  add(hasher, fmt::format("{} {} {}.{:09}", path.filename().string(), st.st_size, st.st_mtim.tv_sec,
                          st.st_mtim.tv_nsec));
  const MappedFile file(path);
  uint64_t header = 0;
  if (file.size() < sizeof header) return;
  std::memcpy(&header, file.bytes().data(), sizeof header);
  // Reading the file will tell what is wrong with a length beyond these.
  const uint64_t most = std::min<uint64_t>(file.size() - sizeof header, kMaxSafetensorsHeader);
  add(hasher, file.bytes().subspan(sizeof header, std::min(header, most)));
}

}  // namespace

std::string checkpoint_identity(const fs::path& folder) {
  Hasher hasher;
  for (const char* name : {"config.json", kManifestName, kIndexFile}) add_contents(hasher, folder / name);
  std::vector<fs::path> weights;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().extension() == ".safetensors") weights.push_back(it->path());
  }
  if (ec) throw Error(ErrorKind::kIo, folder.string(), "cannot read: " + ec.message());
  std::ranges::sort(weights);
  for (const fs::path& path : weights) add_weights(hasher, path);
  return hasher.hex();
}

}  // namespace fptq
