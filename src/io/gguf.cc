#include "io/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/checked.h"
#include "io/foreign_file.h"
#include "io/ggml_types.h"
#include "io/printable.h"

namespace fptq {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr uint32_t kMaxDims = 4;
constexpr uint64_t kMaxName = 63;  // ggml keeps names in 64 bytes with a NUL
// The least that a pair (length, key of one byte, type, value of one byte) and a tensor (length, name of one
// byte, number of dimensions, type, offset) take: more than fit the rest of the file cannot be there.
constexpr uint64_t kLeastPairBytes = 8 + 1 + 4 + 1;
constexpr uint64_t kLeastTensorBytes = 8 + 1 + 4 + 4 + 8;

[[noreturn]] void bad(const std::string& where, const std::string& what, const std::string& fix = {}) {
  throw Error(ErrorKind::kBadModel, where, what, fix);
}

void expect_magic(std::span<const std::byte> file, const std::string& where) {
  if (file.size() >= kMagic.size() &&
      std::ranges::equal(file.first(kMagic.size()), std::as_bytes(std::span(kMagic)))) {
    return;
  }
  const ForeignFile foreign = recognize_foreign_file(file);
  if (!foreign.what.empty()) bad(where, foreign.what, foreign.fix);
  std::string start;
  for (const std::byte b : file.first(std::min<size_t>(file.size(), 4))) start += fmt::format(" {:02x}", b);
  bad(where, fmt::format("begins with{}, expected 47 47 55 46 (GGUF)", start.empty() ? " nothing" : start));
}

void expect_version(uint32_t version, const std::string& where) {
  if (version == 2 || version == 3) return;
  if (const uint32_t swapped = __builtin_bswap32(version); swapped >= 1 && swapped <= 0xffff) {
    bad(where, fmt::format("is a big-endian GGUF file of version {}, expected little-endian", swapped),
        "convert it with gguf_convert_endian.py");
  }
  bad(where, fmt::format("GGUF version {}, expected 2 or 3", version),
      version == 1 ? "convert the model again with a current llama.cpp" : "");
}

std::string take_name(ByteReader& reader, size_t i) {
  const auto size = reader.take<uint64_t>("the length of a tensor's name");
  if (size == 0 || size > kMaxName) {
    bad(reader.where(), fmt::format("tensor {} has a name of {} bytes, expected 1 to {}", i, size, kMaxName));
  }
  const auto bytes = reader.take_bytes(size, "a tensor's name");
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// `begin` of the result counts from the start of the data.
StoredTensor take_tensor(ByteReader& reader, size_t i, const std::string& file) {
  StoredTensor t;
  t.name = take_name(reader, i);
  const std::string where = where_in(file, t.name);
  reader.set_where(where);
  const auto dims = reader.take<uint32_t>("the number of dimensions");
  if (dims > kMaxDims) bad(where, fmt::format("{} dimensions, at most {} are allowed", dims, kMaxDims));
  for (uint32_t d = 0; d < dims; ++d) {
    t.shape.push_back(checked_cast<int64_t>(reader.take<uint64_t>("a dimension"), where + ": dimension"));
  }
  std::ranges::reverse(t.shape);
  t.dtype = ggml_dtype(reader.take<uint32_t>("the type"), where);
  t.size = storage_bytes(t.dtype, t.shape, where);
  t.begin = reader.take<uint64_t>("the offset");
  reader.set_where(file);
  return t;
}

uint64_t read_alignment(const GgufMetadata& metadata, const std::string& where) {
  const int64_t alignment = metadata.get_int("general.alignment", 32);
  if (alignment < 1 || alignment > UINT32_MAX || !std::has_single_bit(static_cast<uint64_t>(alignment))) {
    bad(where + ":general.alignment", fmt::format("is {}, expected a power of two below 2^32", alignment));
  }
  return static_cast<uint64_t>(alignment);
}

uint64_t aligned(uint64_t n, uint64_t alignment, const std::string& where) {
  return checked_add(n, alignment - 1, where) & ~(alignment - 1);
}

// Turns offsets within the data into offsets within the file.
void place_tensors(std::vector<StoredTensor>& tensors, uint64_t header_end, uint64_t alignment,
                   uint64_t file_size, const std::string& file) {
  const uint64_t data_begin = aligned(header_end, alignment, file);
  uint64_t expected = 0;
  for (StoredTensor& t : tensors) {
    const std::string where = where_in(file, t.name);
    if (t.begin != expected) {
      bad(where, fmt::format("data at offset {}, expected {}: after the tensor before it, aligned to {}",
                             t.begin, expected, alignment));
    }
    t.begin = checked_add(data_begin, expected, where);
    if (const uint64_t end = checked_add(t.begin, t.size, where); end > file_size) {
      bad(where,
          fmt::format(
              "data ends at byte {}, but the file has {}: it is truncated, {} or more bytes are missing", end,
              file_size, end - file_size));
    }
    expected = aligned(checked_add(expected, t.size, where), alignment, where);
  }
}

}  // namespace

GgufContents parse_gguf(std::span<const std::byte> file, const std::string& where) {
  expect_magic(file, where);
  ByteReader reader(file, where);
  reader.take_bytes(kMagic.size(), "the magic number");
  expect_version(reader.take<uint32_t>("the version"), where);
  const auto tensor_count = reader.take<uint64_t>("the number of tensors");
  const auto pair_count = reader.take<uint64_t>("the number of metadata pairs");
  if (tensor_count > reader.remaining() / kLeastTensorBytes ||
      pair_count > reader.remaining() / kLeastPairBytes) {
    bad(where,
        fmt::format("announces {} tensors and {} metadata pairs, which do not fit its {} bytes: the file is "
                    "truncated or damaged",
                    tensor_count, pair_count, file.size()));
  }

  GgufContents contents{GgufMetadata(where), {}};
  for (uint64_t i = 0; i < pair_count; ++i) contents.metadata.read_pair(reader);
  std::unordered_set<std::string> names;
  for (uint64_t i = 0; i < tensor_count; ++i) {
    StoredTensor t = take_tensor(reader, i, where);
    if (!names.insert(t.name).second) bad(where_in(where, t.name), "duplicate tensor name");
    contents.tensors.push_back(std::move(t));
  }
  place_tensors(contents.tensors, reader.position(), read_alignment(contents.metadata, where), file.size(),
                where);
  return contents;
}

GgufFile GgufFile::open(const std::filesystem::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  GgufContents contents = parse_gguf(file->bytes(), path.string());
  return GgufFile(std::move(file), std::move(contents));
}

GgufFile::GgufFile(std::shared_ptr<const MappedFile> file, GgufContents contents)
    : MappedTensors(std::move(file), std::move(contents.tensors)), metadata_(std::move(contents.metadata)) {}

}  // namespace fptq
