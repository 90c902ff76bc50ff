// fptq_manifest.json: size and checksum of every file of a finished directory, and of every tensor. Written last; its
// presence says that the directory is complete.
#pragma once

#include <filesystem>
#include <string>

#include "fptq/verify.h"

namespace fptq {

inline constexpr const char* kManifestName = "fptq_manifest.json";

// Hashes every regular file in `folder` (and every tensor of its safetensors files) and writes the manifest.
void write_manifest(const std::filesystem::path& folder);

// Re-checks a directory against its manifest: files missing, changed, unexpected; then opens it as a checkpoint and
// validates every layer (codes, scales, zero points). Reports all problems rather than the first.
VerifyReport verify_folder(const std::filesystem::path& folder);

}  // namespace fptq
