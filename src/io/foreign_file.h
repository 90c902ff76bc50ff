// Recognizes files that are often found where a model file should be.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace fptq {

struct ForeignFile {
  std::string what;  // "is a Git LFS pointer, not the file itself"; empty when nothing is recognized
  std::string fix;   // what the user can do about it
};

// Looks at the first bytes only.
ForeignFile recognize_foreign_file(std::span<const std::byte> file);

}  // namespace fptq
