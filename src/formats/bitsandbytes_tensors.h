// The tensors in which bitsandbytes keeps an NF4 weight, as its QuantState serializes them for safetensors:
//   M.weight                                   U8 [ceil(rows * cols / 2), 1]
//   M.weight.quant_map                         F32 [16]: NF4's table
//   M.weight.absmax                            F32 [blocks], or U8 [blocks] with nested scales and then
//   M.weight.nested_absmax                     F32 [ceil(blocks / 256)]
//   M.weight.nested_quant_map                  F32 [256]
//   M.weight.quant_state.bitsandbytes__nf4     U8: JSON with all that is no tensor
#pragma once

#include <string>
#include <vector>

#include "formats/block_part.h"
#include "formats/folder_tensors.h"

namespace fptq {

inline constexpr const char* kNf4State = ".weight.quant_state.bitsandbytes__nf4";

// `linear` is valid and of type kNormalFloat4; `dtype` is that of the model it belongs to. Throws
// Error(kFailure) where the layer's inputs are quantized, which this format cannot say.
std::vector<NamedTensor> bitsandbytes_tensors(const std::string& module, const LinearWeights& linear,
                                              DType dtype);

// Checks presence, types and shapes of `module`'s tensors and returns its specification. Throws
// Error(kBadModel, file:name).
WeightSpec expect_bitsandbytes(FolderTensors& tensors, const std::string& module, int64_t rows, int64_t cols);
// Reads what expect_bitsandbytes() found to be `spec`; validated, without a bias.
LinearWeights read_bitsandbytes(const FolderTensors& tensors, const std::string& module, int64_t rows,
                                int64_t cols, const WeightSpec& spec);

}  // namespace fptq
