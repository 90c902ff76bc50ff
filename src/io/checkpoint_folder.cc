#include "io/checkpoint_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

#include "fptq/error.h"
#include "io/printable.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

bool is_within(const fs::path& file, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first == folder.end();
}

bool is_pickle(const fs::path& file) {
  constexpr std::array<std::string_view, 5> kExtensions = {".bin", ".pt", ".pth", ".ckpt", ".pkl"};
  return std::ranges::find(kExtensions, file.extension().string()) != kExtensions.end();
}

// The first file name (in order of names) for which `matches` holds, or none.
template <typename Predicate>
std::string first_file(const fs::path& folder, Predicate matches) {
  std::string first;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (matches(it->path()) && (first.empty() || name < first)) first = name;
  }
  return first;
}

}  // namespace

fs::path file_within(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / name;
  std::error_code ec;
  const fs::path home = fs::canonical(folder, ec);
  if (ec) throw Error(ErrorKind::kIo, folder.string(), "cannot open: " + ec.message());
  const fs::path target = fs::canonical(path, ec);
  if (ec) throw Error(ErrorKind::kIo, where_in(folder.string(), name), "cannot open: " + ec.message());
  if (is_within(target, home)) return path;
  const fs::path snapshots = home.parent_path();
  if (snapshots.filename() == "snapshots" && is_within(target, snapshots.parent_path() / "blobs"))
    return path;
  throw Error(ErrorKind::kBadModel, path.string(),
              fmt::format("is a symbolic link out of its folder, to {}", printable(target.string())),
              "copy the file into the folder");
}

void explain_missing_weights(const fs::path& folder) {
  const std::string where = folder.string();
  std::error_code ec;
  const fs::file_type type = fs::status(folder, ec).type();
  if (type == fs::file_type::not_found) throw Error(ErrorKind::kIo, where, "no such folder");
  if (type == fs::file_type::none) throw Error(ErrorKind::kIo, where, "cannot open: " + ec.message());
  if (type != fs::file_type::directory) {
    throw Error(ErrorKind::kIo, where, "is not a folder",
                "pass the folder that holds config.json and the weights");
  }
  const std::string looked_for = fmt::format("found neither {} nor {}", kSingleFile, kIndexFile);
  const auto with_extension = [&](std::string_view extension) {
    return first_file(folder, [&](const fs::path& p) { return p.extension() == extension; });
  };
  if (const std::string name = with_extension(".safetensors"); !name.empty()) {
    throw Error(ErrorKind::kBadModel, where, fmt::format("{}, but {}", looked_for, printable(name)),
                "rename a single file to model.safetensors; shards need their index");
  }
  if (const std::string name = first_file(folder, is_pickle); !name.empty()) {
    throw Error(
        ErrorKind::kBadModel, where,
        fmt::format("the only weights are pickle files ({}), which can run code when they are loaded and are "
                    "never read",
                    printable(name)),
        "convert them: AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(NEW_DIR, "
        "safe_serialization=True) in transformers");
  }
  if (const std::string name = with_extension(".gguf"); !name.empty()) {
    throw Error(ErrorKind::kBadModel, where, fmt::format("{}, but {}", looked_for, printable(name)),
                "pass the path of the GGUF file itself");
  }
  throw Error(ErrorKind::kBadModel, where, looked_for);
}

}  // namespace fptq
