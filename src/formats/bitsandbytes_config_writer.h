// The `quantization_config` of a model with NF4 weights, as transformers reads it for bitsandbytes.
#pragma once

#include <optional>
#include <span>

#include "base/json.h"
#include "formats/block_part.h"

namespace fptq {

// Some layer is NF4, so that the model is bitsandbytes' and not compressed-tensors'.
bool has_nf4(std::span<const BlockForms> blocks, const std::optional<LinearForm>& head);

// `blocks` holds the forms of all layers in order, each NF4 of one kind or dense; layers of other forms
// cannot be in the same model: throws Error(kFailure). `dtype` is that of the model, and of its computations.
Json make_bitsandbytes_config(std::span<const BlockForms> blocks, const std::optional<LinearForm>& head,
                              DType dtype);

}  // namespace fptq
