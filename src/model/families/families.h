// The rows of the family table, one file each.
#pragma once

#include "model/family.h"

namespace fptq {

Family llama_family();    // Llama 1, 2, 3.x, SmolLM2, TinyLlama
Family mistral_family();  // Mistral 7B and its kin
Family qwen2_family();    // Qwen2, Qwen2.5

}  // namespace fptq
