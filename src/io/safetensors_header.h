// The header of a safetensors file, checked to the last byte.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/mapped_tensors.h"

namespace fptq {

// Longest header that the format allows.
inline constexpr size_t kMaxSafetensorsHeader = 100'000'000;

struct SafetensorsHeader {
  std::vector<StoredTensor>
      tensors;  // in the order of their bytes; `begin` counts from the start of the file
  std::map<std::string, std::string> metadata;
};

// Reads the header of the safetensors file that `file` holds, by the rules of the reference implementation
// (safetensors 0.8) and, where that is lenient, by those of the format's specification: the header begins
// with '{', no key or tensor name occurs twice, a tensor is an object. Stricter than both: names are 1 to
// 1024 bytes without NUL, and shapes have at most 8 dimensions. Tensors cover the data without holes,
// overlaps or rest. Throws Error(kBadModel) with `where` (the file's name) and the tensor's.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, const std::string& where);

// Why `name` cannot be the name of a tensor, for readers and writers; empty when it can.
std::string bad_tensor_name(const std::string& name);

}  // namespace fptq
