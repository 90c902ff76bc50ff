// What reports show of an input of linear layers: its channels before and after equalization, its outliers.
#pragma once

#include <span>

#include "fptq/quantize.h"
#include "quant/observer.h"

namespace fptq {

// `equalization` divides the channels; empty: nothing does. Empty statistics give an empty profile.
InputProfile input_profile(const ActivationStatistics& statistics, std::span<const float> equalization);

}  // namespace fptq
