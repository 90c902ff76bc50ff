// A quantization's PipelineState as a file in the partial folder, so that a killed run goes on where it was.
#pragma once

#include <filesystem>
#include <optional>

#include "quant/pipeline.h"

namespace fptq {

// Replaces the file atomically: a kill leaves the old state or the new one.
void save_state(const std::filesystem::path& folder, const PipelineState& state, int64_t hidden_size);
// The saved state, or none when there is no file or it is not whole.
std::optional<PipelineState> load_state(const std::filesystem::path& folder);
void remove_state(const std::filesystem::path& folder);

}  // namespace fptq
