// fptq_manifest.json: size and checksum of every file of a finished directory, and of every tensor. Written
// last; its presence says that the directory is complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "fptq/verify.h"

namespace fptq {

inline constexpr const char* kManifestName = "fptq_manifest.json";

struct Manifest {
  struct File {
    uint64_t bytes = 0;
    std::string hash;                            // 32 hexadecimal digits of XXH3-128
    std::map<std::string, std::string> tensors;  // of a safetensors file: name -> hash
  };
  std::map<std::string, File> files;  // by name, relative to the directory
};

// Hashes every regular file in `folder` (and every tensor of its safetensors files) and writes the manifest.
void write_manifest(const std::filesystem::path& folder);

// None when `folder` has no manifest. Throws Error(kVerification) when it is not one.
std::optional<Manifest> read_manifest(const std::filesystem::path& folder);

// Re-checks a directory against its manifest: files missing, changed, unexpected; then opens it as a
// checkpoint and validates every layer (codes, scales, zero points). Reports all problems rather than the
// first. Throws Error(kVerification) when there is no manifest.
VerifyReport verify_folder(const std::filesystem::path& folder);

}  // namespace fptq
