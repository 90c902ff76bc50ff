// Which files of a checkpoint folder hold its weights, and whether they may be opened.
#pragma once

#include <filesystem>
#include <string>

namespace fptq {

inline constexpr const char* kSingleFile = "model.safetensors";
inline constexpr const char* kIndexFile = "model.safetensors.index.json";

// `folder`/`name`, after symbolic links turned out to stay within the folder, or to lead from
// <repo>/snapshots/<revision> into <repo>/blobs as in the Hugging Face cache. Throws Error(kBadModel) when
// they lead elsewhere, Error(kIo) when there is no such file.
std::filesystem::path file_within(const std::filesystem::path& folder, const std::string& name);

// Throws the Error that explains why there is nothing to open in `folder`: pickle files only, a GGUF file,
// safetensors files under other names, or nothing at all.
[[noreturn]] void explain_missing_weights(const std::filesystem::path& folder);

}  // namespace fptq
