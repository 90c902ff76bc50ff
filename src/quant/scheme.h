// The table of schemes: in how many bits weights and inputs of linear layers are held, whatever method finds
// the numbers.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tensor/linear_weights.h"

namespace fptq {

// How the inputs of linear layers are held.
enum class ActivationForm : uint8_t {
  kByMethod,  // as the method decides, input by input
  kFloat,     // not quantized
  kToken,     // a scale per token
  kStatic,    // one scale, found in calibration
};

struct Scheme {
  const char* name;     // "w8a8-static"
  const char* summary;  // one line for people
  WeightSpec weights;   // group size and symmetry are options of their own
  ActivationForm inputs;
  const char* warning = nullptr;  // for the report of whoever asks for it
};

std::span<const Scheme> schemes();

// Throws Error(kUsage) with the names that exist.
const Scheme& find_scheme(const std::string& name);

}  // namespace fptq
