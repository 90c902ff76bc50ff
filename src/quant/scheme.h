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
  WeightSpec weights;   // symmetry is an option of its own, and so is a group size, for which 0 leaves it to
                        // the bits
  ActivationForm inputs;
  ActivationSpec input = {};        // type and bits of quantized inputs
  const char* warning = nullptr;    // for the report of whoever asks for it
  const char* head = "keep";        // what --head auto means
  const char* embeddings = "keep";  // what --embeddings auto means

  bool integer_weights() const { return weights.type == CodeType::kInteger; }
};

std::span<const Scheme> schemes();

// Throws Error(kUsage) with the names that exist.
const Scheme& find_scheme(const std::string& name);

}  // namespace fptq
