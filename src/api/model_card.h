// README.md of a quantized model, as the Hugging Face hub shows it.
#pragma once

#include <string>

#include "formats/checkpoint.h"
#include "fptq/quantize.h"

namespace fptq {

std::string model_card(const Checkpoint& source, const QuantizeOptions& options,
                       const QuantizeReport& report);

}  // namespace fptq
