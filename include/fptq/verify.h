// Re-checking a finished output.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fptq {

struct VerifyReport {
  int64_t files = 0;
  int64_t tensors = 0;
  uint64_t bytes = 0;
  std::vector<std::string> problems;  // empty: everything is as it was written
  bool ok() const { return problems.empty(); }
};

// Throws Error when `directory` has no manifest at all.
VerifyReport verify(const std::string& directory);

}  // namespace fptq
