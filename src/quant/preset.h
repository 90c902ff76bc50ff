// How much work a method may make of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace fptq {

struct Preset {
  const char* name;
  int64_t iterations;    // of learned rounding, for each block
  int64_t tuning_steps;  // of scales and norms, for the whole model
  int64_t windows;       // of calibration data, unless options say how many
};

std::span<const Preset> presets();

// Throws Error(kUsage) with the names that exist.
const Preset& find_preset(const std::string& name);

}  // namespace fptq
