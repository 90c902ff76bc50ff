// The packed copy beside a checkpoint (formats/packed_file.h): when it is used and how it is made.
#pragma once

#include <filesystem>
#include <optional>

#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "formats/packed_file.h"
#include "kernels/isa.h"

namespace fptq {

// Where the copy of the model in `folder` lies.
std::filesystem::path packed_copy_path(const std::filesystem::path& folder, kernels::Isa isa);

// Opens the copy; throws Error(kIo) or Error(kVerification) when there is none that is whole and belongs to
// the checkpoint as it is now.
PackedFile open_packed_copy(const std::filesystem::path& folder, kernels::Isa isa);

// The same without errors: none also where `model` is no folder or FPTQ_NO_PACK_CACHE is set (to anything but
// 0), which forbids using and making copies on the way.
std::optional<PackedFile> find_packed_copy(const std::filesystem::path& model, kernels::Isa isa);

// The copy's layers are those of the model and have the images that the kernels of `isa` expect, so that they
// can be loaded.
bool fits(const PackedFile& packed, const ModelConfig& config, kernels::Isa isa);

// Packs the integer layers of `checkpoint`, a folder opened with all value checks, looks at all other values,
// and writes the copy; memory holds one block at a time. Any machine can pack for any instruction set. Throws
// Error.
void write_packed_copy(const Checkpoint& checkpoint, kernels::Isa isa, ThreadPool& pool);

// Makes and opens the copy if the checkpoint has integer layers and its folder takes it; none, and no error,
// where anything stands against it.
std::optional<PackedFile> keep_packed_copy(const Checkpoint& checkpoint, kernels::Isa isa, ThreadPool& pool);

}  // namespace fptq
