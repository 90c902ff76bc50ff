#include "io/safetensors_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

#include "base/checked.h"
#include "base/json.h"
#include "io/printable.h"
#include "io/safetensors_header.h"

namespace fptq {
namespace {

// The order in which the reference implementation lists its types, which its writer sorts by backwards.
constexpr std::array<DType, 15> kReferenceOrder = {
    DType::kBool, DType::kU8,  DType::kI8,  DType::kF8E5M2, DType::kF8E4M3,
    DType::kI16,  DType::kU16, DType::kF16, DType::kBF16,   DType::kI32,
    DType::kU32,  DType::kF32, DType::kF64, DType::kI64,    DType::kU64,
};

[[noreturn]] void misuse(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::kFailure, where, what);
}

ptrdiff_t reference_rank(DType dtype) {
  return std::ranges::find(kReferenceOrder, dtype) - kReferenceOrder.begin();
}

// Sorted, with `begin` counting from the start of the data.
std::vector<StoredTensor> lay_out(const std::vector<TensorInfo>& infos, const std::string& file) {
  std::vector<StoredTensor> tensors;
  tensors.reserve(infos.size());
  for (const TensorInfo& info : infos) {
    const std::string where = where_in(file, info.name);
    if (const std::string why = bad_tensor_name(info.name); !why.empty()) misuse(where, why);
    if (info.name == "__metadata__") misuse(where, "the name is reserved");
    if (dtype_info(info.dtype).block_size != 1) {
      misuse(where, fmt::format("safetensors files have no type {}", dtype_info(info.dtype).name));
    }
    tensors.push_back({info.name, info.dtype, info.shape, 0, storage_bytes(info.dtype, info.shape, where)});
  }
  std::ranges::sort(tensors, {}, [](const StoredTensor& t) {
    return std::tuple(-reference_rank(t.dtype), std::string_view(t.name));
  });
  size_t end = 0;
  for (StoredTensor& t : tensors) {
    t.begin = end;
    end = checked_add(end, t.size, file);
  }
  return tensors;
}

std::string header_json(const std::vector<StoredTensor>& tensors,
                        const std::map<std::string, std::string>& metadata) {
  // Printed entry by entry: an ordered JSON object looks its keys up one by one, which adds up.
  std::string text = "{";
  if (!metadata.empty()) text += "\"__metadata__\":" + Json(metadata).dump() + ",";
  for (const StoredTensor& t : tensors) {
    const Json entry = {{"dtype", dtype_info(t.dtype).name},
                        {"shape", t.shape},
                        {"data_offsets", {t.begin, t.begin + t.size}}};
    text += Json(t.name).dump() + ":" + entry.dump() + ",";
  }
  if (text.back() == ',') text.pop_back();
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     const std::vector<TensorInfo>& tensors,
                                     const std::map<std::string, std::string>& metadata)
    : path_(path), tensors_(lay_out(tensors, path.string())), written_(tensors.size()) {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!index_.emplace(tensors_[i].name, i).second)
      misuse(where_in(path.string(), tensors_[i].name), "named twice");
  }
  const std::string header = header_json(tensors_, metadata);
  if (header.size() > kMaxSafetensorsHeader) {
    misuse(path.string(),
           fmt::format("header of {} bytes, at most {} are allowed", header.size(), kMaxSafetensorsHeader));
  }
  const uint64_t length = header.size();
  const size_t data_begin = sizeof length + header.size();
  const size_t data_size = tensors_.empty() ? 0 : tensors_.back().begin + tensors_.back().size;
  file_size_ = checked_add(data_begin, data_size, path.string());
  for (StoredTensor& t : tensors_) t.begin += data_begin;

  file_.emplace(path);
  file_->reserve(file_size_);
  file_->write_at(0, std::as_bytes(std::span(&length, 1)));
  file_->write_at(sizeof length, std::as_bytes(std::span(header)));
}

void SafetensorsWriter::write(const std::string& name, std::span<const std::byte> bytes) {
  const std::string where = where_in(path_.string(), name);
  const auto it = index_.find(name);
  if (it == index_.end()) misuse(where, "is not among the tensors announced");
  const StoredTensor& t = tensors_[it->second];
  if (bytes.size() != t.size)
    misuse(where, fmt::format("{} bytes given, announced were {}", bytes.size(), t.size));
  if (written_[it->second] != 0) misuse(where, "is written a second time");
  file_->write_at(t.begin, bytes);
  written_[it->second] = 1;
}

void SafetensorsWriter::commit() {
  const auto missing = std::ranges::find(written_, 0);
  if (missing != written_.end()) {
    misuse(where_in(path_.string(), tensors_[static_cast<size_t>(missing - written_.begin())].name),
           "was never written");
  }
  file_->commit();
}

}  // namespace fptq
