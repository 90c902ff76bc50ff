// How a model's blocks are stored, in a few words.
#pragma once

#include <string>

#include "model/weight_source.h"

namespace fptq {

// "W4A8 g64 sym static+token": bits of weights and inputs, inputs that share a scale ("row": all of one
// output), symmetric or with zero points, and how inputs are scaled where they are quantized. What holds no
// integers names its type: "W8A8 fp8_e4m3 row token". What differs between layers is joined by '+' in the
// order of the layers ("W4+8A8"). Where all are dense, the type of the first: "BF16".
std::string scheme_name(const WeightSource& weights);

}  // namespace fptq
