// The packed copy of a checkpoint's integer layers: a file beside it that kernels run on where it is mapped.
//
//   64 bytes   "FPTQPACK", zeros
//   images     one behind the other, each a multiple of 64 bytes
//   table      JSON: what the images are, of which checkpoint, for which kernels, with their checksums
//   64 bytes   u64 bytes of the table | u64 bytes of the file | XXH3-128 of the table, 32 digits | zeros
//              | "FPTQPACK"
//
// Little-endian. The table comes last, so that images are written as they are made and what was cut off
// anywhere has no end.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_io.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "tensor/packed_linear.h"

namespace fptq {

// What a packed copy must agree with to be of use.
struct PackedKey {
  std::string isa;         // as FPTQ_ISA names it
  int layout = 0;          // version of the kernels' layout
  std::string checkpoint;  // see checkpoint_identity()

  bool operator==(const PackedKey&) const = default;
};

// "fptq-packed-avx2-v1.cache": beside the checkpoint. No extension that anybody takes for weights.
std::string packed_file_name(const std::string& isa, int layout);
// `name` is that of a packed copy or of one that is being written.
bool is_packed_file(std::string_view name);

// Const members are thread-safe.
class PackedFile {
 public:
  // Maps `path` and checks all of it but the images' bytes, which are not touched: nothing in the table is
  // used before it was found possible. Throws Error(kIo) when there is no such file, Error(kVerification)
  // when it is damaged or was made for something else than `key`.
  PackedFile(const std::filesystem::path& path, const PackedKey& key);

  // Views into the map, which live as long as this.
  const PackedLinears& layers() const { return layers_; }
  size_t bytes() const { return file_.size(); }
  // Layers whose images are not what was written. Reads everything.
  std::vector<std::string> damaged() const;

 private:
  MappedFile file_;
  PackedLinears layers_;
  std::map<std::string, std::string> hashes_;
};

// Writes under a name of its own in the same folder and renames at the end: processes that make the same copy
// at once do not see each other, and the last one stays. Without commit() nothing is left behind.
class PackedFileWriter {
 public:
  // Throws Error(kIo), as the other members do.
  PackedFileWriter(std::filesystem::path path, const PackedKey& key);

  // The image is copied to the file; its size is a multiple of 64.
  void add(const std::string& module, const PackedLinear& layer);
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  FileWriter file_;
  Json table_;
};

}  // namespace fptq
