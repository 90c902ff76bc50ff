#include "formats/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/file_io.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "formats/checkpoint.h"
#include "formats/packed_file.h"
#include "fptq/error.h"
#include "io/printable.h"
#include "io/safetensors.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kVersion = 1;

// In pieces that are given back at once: a checkpoint may be larger than memory.
std::string hash_whole(const MappedFile& file) {
  constexpr size_t kPiece = size_t{16} << 20;
  Hasher hasher;
  for (size_t at = 0; at < file.size(); at += kPiece) {
    const auto piece = file.bytes().subspan(at, std::min(kPiece, file.size() - at));
    hasher.add(piece);
    file.drop_from_memory(piece);
  }
  return hasher.hex();
}

Manifest::File describe(const fs::path& path) {
  const MappedFile file(path);
  Manifest::File out{file.size(), hash_whole(file), {}};
  if (path.extension() != ".safetensors") return out;
  const SafetensorsFile tensors = SafetensorsFile::open(path);
  for (const StoredTensor& t : tensors.tensors()) {
    out.tensors[t.name] = hash_hex(tensors.tensor(t.name).bytes());
    tensors.release(t.name);
  }
  return out;
}

// Names of everything in `folder` but the manifest and what was packed from it since.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    if (name != kManifestName && !is_packed_file(name)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Manifest::File parse_file(const Json& json, const std::string& where) {
  Manifest::File out;
  const int64_t bytes = json_int(json, "bytes", where);
  if (bytes < 0) throw Error(ErrorKind::kVerification, where + ":bytes", fmt::format("found {}", bytes));
  out.bytes = static_cast<uint64_t>(bytes);
  out.hash = json_string(json, "xxh3_128", where);
  if (const Json* tensors = json_find(json, "tensors")) {
    for (const auto& [name, value] : tensors->items())
      out.tensors[name] = json_string(*tensors, name.c_str(), where);
  }
  return out;
}

void check_files(const fs::path& folder, const Manifest& manifest, VerifyReport& report) {
  for (const std::string& name : names_in(folder)) {
    if (!manifest.files.contains(name))
      report.problems.push_back(printable(name) + ": is not in the manifest");
  }
  for (const auto& [name, expected] : manifest.files) {
    ++report.files;
    report.tensors += std::ssize(expected.tensors);
    report.bytes += expected.bytes;
    // Names lead nowhere else, whatever the manifest says.
    if (fs::path(name).filename() != name || !fs::is_regular_file(fs::symlink_status(folder / name))) {
      report.problems.push_back(printable(name) + ": is missing");
      continue;
    }
    try {
      const MappedFile file(folder / name);
      if (file.size() != expected.bytes) {
        report.problems.push_back(
            fmt::format("{}: expected {} bytes, found {}", printable(name), expected.bytes, file.size()));
      } else if (hash_whole(file) != expected.hash) {
        report.problems.push_back(printable(name) + ": contents differ from what was written");
      }
    } catch (const Error& e) {
      report.problems.push_back(e.what());
    }
  }
}

// Opens the folder as a model and reads all of it; each tensor is compared with its checksum on the way.
void check_model(const fs::path& folder, VerifyReport& report) {
  const auto attempt = [&](const auto& action) {
    try {
      action();
    } catch (const Error& e) {
      report.problems.push_back(e.what());
    }
  };
  attempt([&] {
    const Checkpoint checkpoint = open_checkpoint(folder);
    const WeightSource& source = *checkpoint.weights;
    for (int64_t layer = 0; layer < source.config().num_layers; ++layer) {
      for (const LinearId id : kAllLinears)
        attempt([&] { source.linear(layer, id).validate(module_name(layer, id)); });
      for (const NormId id : {NormId::kAttention, NormId::kMlp}) attempt([&] { source.norm(layer, id); });
      source.release_block(layer);
    }
    attempt([&] { source.final_norm(); });
    attempt([&] { source.token_table().validate(kEmbeddingModule); });
    attempt([&] { source.head(); });
  });
}

void remove_repetitions(std::vector<std::string>& lines) {
  std::set<std::string> seen;
  std::erase_if(lines, [&](const std::string& line) { return !seen.insert(line).second; });
}

}  // namespace

void write_manifest(const fs::path& folder) {
  Json files = Json::object();
  for (const std::string& name : names_in(folder)) {
    const Manifest::File file = describe(folder / name);
    Json& entry = files[name] = {{"bytes", file.bytes}, {"xxh3_128", file.hash}};
    if (!file.tensors.empty()) entry["tensors"] = file.tensors;
  }
  const Json manifest = {{"version", kVersion}, {"files", std::move(files)}};
  write_file_atomically(folder / kManifestName, manifest.dump(1) + "\n");
}

std::optional<Manifest> read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifestName;
  if (!fs::exists(fs::symlink_status(path))) return std::nullopt;
  const std::string where = path.string();
  try {
    const Json json = parse_json(read_text_file(path, size_t{100} << 20), where);
    const int64_t version = json_int(json, "version", where);
    if (version != kVersion)
      throw Error(ErrorKind::kVerification, where + ":version",
                  fmt::format("expected {}, found {}", kVersion, version));
    const Json* files = json_find(json, "files");
    if (files == nullptr || !files->is_object())
      throw Error(ErrorKind::kVerification, where + ":files", "expected an object");
    Manifest manifest;
    for (const auto& [name, file] : files->items())
      manifest.files[name] = parse_file(file, where_in(where, name));
    return manifest;
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kBadModel) throw;
    throw Error(ErrorKind::kVerification, "", e.what());  // a manifest that cannot be read verifies nothing
  }
}

VerifyReport verify_folder(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(ErrorKind::kIo, folder.string(), "no such directory");
  const std::optional<Manifest> manifest = read_manifest(folder);
  if (!manifest) {
    throw Error(ErrorKind::kVerification, folder.string(), fmt::format("has no {}", kManifestName),
                "it was not written by fptq, or not to the end");
  }
  VerifyReport report;
  check_files(folder, *manifest, report);
  check_model(folder, report);
  remove_repetitions(report.problems);
  return report;
}

}  // namespace fptq
