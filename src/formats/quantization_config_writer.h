// The `quantization_config` of a model whose layers are quantized in several ways.
#pragma once

#include <optional>
#include <span>

#include "base/json.h"
#include "formats/block_part.h"

namespace fptq {

// One config group per distinct form, with patterns that do not overlap: transformers takes the
// alphabetically first pattern that fits and vLLM the first in the file, so that only disjoint ones mean the
// same to both. Patterns name fused modules (qkv_proj, gate_up_proj) where their parts agree, because vLLM
// looks for those. `blocks` holds the forms of all layers in order; dense layers are in no group but in
// `ignore`. `head` and `embedding`: how lm_head and model.embed_tokens are quantized, if they
// are.
Json make_quantization_config(std::span<const BlockForms> blocks,
                              const std::optional<LinearForm>& head = std::nullopt,
                              const std::optional<LinearForm>& embedding = std::nullopt);

}  // namespace fptq
