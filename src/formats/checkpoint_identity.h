// Telling, without reading its weights, whether a checkpoint is still the one that something was made from.
#pragma once

#include <filesystem>
#include <string>

namespace fptq {

// A checksum of all that says what a model folder's weights are and how they are read: config.json, the
// manifest (with its checksums of every tensor) and the index in full; of each safetensors file its name,
// size, time of modification and header. Inode numbers and times of change are left out: they differ in every
// copy of a folder, and a container's image or a backup must not make a packed copy useless. Throws
// Error(kIo).
std::string checkpoint_identity(const std::filesystem::path& folder);

}  // namespace fptq
