// The packed copy of a model: its integer layers as this program's kernels read them, in a file beside the
// checkpoint that is mapped instead of being made anew at each start.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fptq {

struct PackOptions {
  std::string isa;     // avx2, avx512vnni, portable, all; empty: the one that this machine uses
  bool check = false;  // make nothing, compare what is there with its checksums
  int threads = 0;
};

struct PackedCopy {
  std::string isa;
  std::string path;
  uint64_t bytes = 0;  // of the file; 0: there is none
  int64_t layers = 0;  // that it holds
  bool made = false;   // now; false: it was there already, whole and up to date, or only checked
  double seconds = 0;
  std::string problem;  // of a check; empty: whole and up to date
};

struct PackReport {
  std::vector<PackedCopy> copies;
  bool ok() const;  // no problems
};

// Makes the copies that are missing, damaged or out of date. Loading checks everything about a copy but its
// images' checksums; this does. Copies are also made where a model is first run. Throws Error(kUsage) for an
// unknown instruction set and for a model without integer layers or that is no folder, Error(kIo) when a copy
// cannot be written.
PackReport pack(const std::string& model, const PackOptions& options);

}  // namespace fptq
