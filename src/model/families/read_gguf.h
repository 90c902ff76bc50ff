// What the metadata of GGUF files of Llama's relatives have in common.
#pragma once

#include <string>

#include "io/gguf.h"
#include "model/config.h"

namespace fptq {

// Reads the keys under the file's own `general.architecture`; biases and the tied head are told from the
// tensors that are there. Throws Error(kBadModel, file:key) on what is missing or unsupported. Ranges are
// left to ModelConfig::validate().
ModelConfig read_decoder_gguf(const GgufFile& file, const char* family);

// Llama 3.1's divisors of the rotary frequencies, as `rope_freqs.weight` has them, told in Hugging Face's
// terms where its formula with the released models' constants gives exactly them; kept as they are otherwise.
void set_frequency_factors(RopeConfig& rope, std::vector<float> factors, int64_t head_dim);

}  // namespace fptq
