// What tells the answers of one model from those of another.
#pragma once

#include <filesystem>
#include <string>

namespace fptq {

// Weights and how they run: float kernels round differently on other instruction sets.
std::string model_identity(const std::filesystem::path& path);

}  // namespace fptq
