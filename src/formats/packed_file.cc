#include "formats/packed_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>

#include "base/hash.h"
#include "fptq/error.h"
#include "io/printable.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMagic = "FPTQPACK";
constexpr std::string_view kPrefix = "fptq-packed-";
constexpr size_t kUnit = 64;  // of images; also the size of head and end
constexpr size_t kHashDigits = 32;
constexpr size_t kMaxTable = size_t{16} << 20;
constexpr int64_t kVersion = 1;

using Frame = std::array<std::byte, kUnit>;

void put(Frame& frame, size_t at, std::span<const std::byte> bytes) {
  std::memcpy(frame.data() + at, bytes.data(), bytes.size());
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

Frame head() {
  Frame frame{};
  put(frame, 0, bytes_of(kMagic));
  return frame;
}

Frame end(std::string_view table, uint64_t file_bytes) {
  Frame frame{};
  const std::array<uint64_t, 2> sizes = {table.size(), file_bytes};
  put(frame, 0, std::as_bytes(std::span(sizes)));
  put(frame, sizeof sizes, bytes_of(hash_hex(bytes_of(table))));
  put(frame, kUnit - kMagic.size(), bytes_of(kMagic));
  return frame;
}

[[noreturn]] void damaged_file(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::kVerification, where, what, "make it again: fptq pack");
}

// The table's text and where it begins, after the frame around it was found whole.
std::string_view find_table(std::span<const std::byte> file, const std::string& where) {
  if (file.size() < 2 * kUnit) damaged_file(where, "is too short to be a packed copy");
  if (!std::ranges::equal(file.first(kUnit), head()))
    damaged_file(where, "does not begin like a packed copy");
  uint64_t size = 0;
  std::memcpy(&size, file.data() + file.size() - kUnit, sizeof size);
  if (size > kMaxTable || size > file.size() - 2 * kUnit) damaged_file(where, "its end is damaged");
  const std::span<const std::byte> table =
      file.subspan(file.size() - kUnit - static_cast<size_t>(size), static_cast<size_t>(size));
  const std::string_view text(reinterpret_cast<const char*>(table.data()), table.size());
  // Sizes, checksum and magic in one comparison: there is one right end for a table and a size.
  if (!std::ranges::equal(file.last(kUnit), end(text, file.size()))) {
    damaged_file(where, "its table is damaged, or the file was cut off");
  }
  return text;
}

struct DTypeName {
  DType type;
  const char* name;
};
constexpr std::array<DTypeName, 3> kScaleTypes = {
    {{DType::kF32, "F32"}, {DType::kF16, "F16"}, {DType::kBF16, "BF16"}}};

Json to_json(const PackedLinear& p) {
  const auto type = std::ranges::find(kScaleTypes, p.scale_type, &DTypeName::type);
  Json json = {{"rows", p.rows},
               {"cols", p.cols},
               {"bits", p.spec.bits},
               {"group_size", p.spec.group_size},
               {"symmetric", p.spec.symmetric},
               {"scale_type", type->name},
               {"bias", p.bias},
               {"input_symmetric", p.activation.symmetric}};
  if (p.activation.mode == ActivationMode::kStaticTensor) {
    json["input_scale_bits"] = std::bit_cast<uint32_t>(p.activation.scale);
    json["input_zero_point"] = p.activation.zero_point;
  }
  json["bytes"] = p.image.size();
  json["xxh3_128"] = hash_hex(p.image);
  return json;
}

int64_t int_in(const Json& json, const char* key, int64_t low, int64_t high, const std::string& where) {
  const int64_t v = json_int(json, key, where);
  if (v < low || v > high) damaged_file(where, fmt::format("{} is {}", key, v));
  return v;
}

ActivationSpec activation_of(const Json& json, const std::string& where) {
  ActivationSpec out;
  out.mode = ActivationMode::kDynamicToken;
  out.symmetric = json_bool(json, "input_symmetric", where, true);
  if (json_find(json, "input_scale_bits") == nullptr) return out;
  out.mode = ActivationMode::kStaticTensor;
  out.scale =
      std::bit_cast<float>(static_cast<uint32_t>(int_in(json, "input_scale_bits", 0, UINT32_MAX, where)));
  if (!(out.scale > 0.0f) || !std::isfinite(out.scale)) damaged_file(where, "input_scale is no scale");
  const int64_t low = out.symmetric ? 0 : -128, high = out.symmetric ? 0 : 127;
  out.zero_point = static_cast<int32_t>(int_in(json, "input_zero_point", low, high, where));
  return out;
}

// All but the image.
PackedLinear layer_of(const Json& json, const std::string& where) {
  constexpr int64_t kMost = int64_t{1} << 31;  // products of two stay within int64
  PackedLinear out;
  out.rows = int_in(json, "rows", 1, kMost, where);
  out.cols = int_in(json, "cols", 1, kMost, where);
  out.spec.bits = static_cast<int>(int_in(json, "bits", 4, 8, where));
  if (out.spec.bits != 4 && out.spec.bits != 8) damaged_file(where, "bits are neither 4 nor 8");
  out.spec.group_size = int_in(json, "group_size", 0, out.cols, where);
  if (out.spec.group_size != 0 && out.cols % out.spec.group_size != 0)
    damaged_file(where, "groups do not divide the inputs");
  out.spec.symmetric = json_bool(json, "symmetric", where, true);
  const std::string name = json_string(json, "scale_type", where);
  const auto type = std::ranges::find(kScaleTypes, name, &DTypeName::name);
  if (type == kScaleTypes.end()) damaged_file(where, "scale_type is none");
  out.scale_type = type->type;
  out.bias = json_bool(json, "bias", where, false);
  out.activation = activation_of(json, where);
  return out;
}

PackedKey key_of(const Json& json, const std::string& where) {
  return {json_string(json, "isa", where), static_cast<int>(int_in(json, "layout", 0, INT32_MAX, where)),
          json_string(json, "checkpoint", where)};
}

void expect_key(const PackedKey& found, const PackedKey& expected, const std::string& where) {
  if (found.isa != expected.isa || found.layout != expected.layout) {
    damaged_file(where, fmt::format("is for {} in layout {}, expected {} in layout {}", printable(found.isa),
                                    found.layout, expected.isa, expected.layout));
  }
  if (found.checkpoint != expected.checkpoint) {
    damaged_file(where, "was made from another checkpoint, or the checkpoint has changed since");
  }
}

// Two processes, or two threads of one, get different names.
fs::path temporary_name(const fs::path& path) {
  fs::path name = path;
  std::random_device random;
  name += fmt::format(".{}-{:08x}{:08x}.tmp", ::getpid(), random(), random());
  return name;
}

// What a process that was killed while writing left behind, an hour ago or more.
void remove_remains(const fs::path& path) {
  std::error_code ec;
  const std::string prefix = path.filename().string() + ".";
  const auto limit = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (fs::directory_iterator it(path.parent_path(), ec), last; !ec && it != last; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    std::error_code ignored;
    if (!name.starts_with(prefix) || !name.ends_with(".tmp")) continue;
    if (it->last_write_time(ignored) < limit && !ignored) fs::remove(it->path(), ignored);
  }
}

}  // namespace

std::string packed_file_name(const std::string& isa, int layout) {
  return fmt::format("{}{}-v{}.cache", kPrefix, isa, layout);
}

bool is_packed_file(std::string_view name) {
  return name.starts_with(kPrefix) && (name.ends_with(".cache") || name.ends_with(".tmp"));
}

PackedFile::PackedFile(const fs::path& path, const PackedKey& key) : file_(path) {
  const std::string where = path.string();
  const std::string_view text = find_table(file_.bytes(), where);
  try {
    const Json table = parse_json(text, where);
    const int64_t version = json_int(table, "version", where);
    if (version != kVersion)
      damaged_file(where, fmt::format("expected version {}, found {}", kVersion, version));
    expect_key(key_of(table, where), key, where);
    const Json* layers = json_find(table, "layers");
    if (layers == nullptr || !layers->is_object()) damaged_file(where, "has no layers");
    std::span<const std::byte> rest = file_.bytes().subspan(kUnit);
    rest = rest.first(rest.size() - kUnit - text.size());
    for (const auto& [module, json] : layers->items()) {
      const std::string place = where_in(where, module);
      PackedLinear layer = layer_of(json, place);
      const auto bytes = static_cast<uint64_t>(int_in(json, "bytes", 1, INT64_MAX, place));
      if (bytes % kUnit != 0 || bytes > rest.size())
        damaged_file(place, "its image does not lie in the file");
      layer.image = rest.first(static_cast<size_t>(bytes));
      rest = rest.subspan(static_cast<size_t>(bytes));
      hashes_[module] = json_string(json, "xxh3_128", place);
      layers_.emplace(module, layer);
    }
    if (!rest.empty()) damaged_file(where, "holds more than its layers");
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kBadModel) throw;
    damaged_file("", e.what());
  }
}

std::vector<std::string> PackedFile::damaged() const {
  std::vector<std::string> out;
  for (const auto& [module, layer] : layers_) {
    if (hash_hex(layer.image) != hashes_.at(module)) out.push_back(module);
    file_.drop_from_memory(layer.image);
  }
  return out;
}

PackedFileWriter::PackedFileWriter(fs::path path, const PackedKey& key)
    : path_(std::move(path)), temporary_(temporary_name(path_)), file_(temporary_) {
  remove_remains(path_);
  file_.write(head());
  table_ = {{"version", kVersion},
            {"isa", key.isa},
            {"layout", key.layout},
            {"checkpoint", key.checkpoint},
            {"layers", Json::object()}};
}

void PackedFileWriter::add(const std::string& module, const PackedLinear& layer) {
  file_.write(layer.image);
  table_["layers"][module] = to_json(layer);
}

void PackedFileWriter::commit() {
  const std::string table = table_.dump();
  file_.write(table);
  file_.write(end(table, file_.bytes_written() + kUnit));
  file_.commit();
  move_into_place(temporary_, path_);
}

}  // namespace fptq
