// What plan_quantize() and quantize() share.
#pragma once

#include <optional>
#include <string>

#include "formats/checkpoint.h"
#include "fptq/quantize.h"
#include "model/shapes.h"
#include "quant/recipe.h"

namespace fptq {

// The held-out evaluation of a quantization run: the first so many tokens, in windows of up to so many.
constexpr int64_t kProbeTokens = 4096;
constexpr int64_t kProbeCtx = 1024;

// Opens `model` as the source of a quantization; throws Error(kBadModel) when it is quantized already.
Checkpoint open_source(const std::string& model);

// Bytes of all parameters in the source's own dense type.
uint64_t dense_bytes(const ModelConfig& config);
// Bytes of the result's tensors, and bits per weight of its blocks' matrices, from the configuration alone.
// These and all below throw as LayerRecipe does.
uint64_t output_bytes(const ModelConfig& config, const QuantizeOptions& options, DType dtype);
double bits_per_weight(const ModelConfig& config, const QuantizeOptions& options, DType dtype);
// Codes, scales of `dtype` and zero points of a quantized matrix, as they are stored.
int64_t matrix_bytes(const MatrixShape& shape, const WeightSpec& spec, DType dtype);
// Of the linear layers of all blocks, quantized or not.
int64_t linears_bytes(const LayerRecipe& recipe, const ModelConfig& config, DType dtype);
// How the output head is to be stored; nothing where it stays as it is. Throws Error(kUsage).
std::optional<WeightSpec> head_form(const ModelConfig& config, const QuantizeOptions& options);
// The embedding likewise.
std::optional<WeightSpec> embedding_form(const ModelConfig& config, const QuantizeOptions& options);
// Parameters of a decoder block's matrices.
int64_t block_weights(const ModelConfig& config);
// Parameters outside of them: embeddings, head, norms.
int64_t dense_weights(const ModelConfig& config);

// Identifies a run: the source's files (names, sizes, modification times), every option that changes the
// result, the calibration ids and the program's version. Parts of a run with another fingerprint are not
// resumed.
std::string run_fingerprint(const Checkpoint& source, const QuantizeOptions& options,
                            const std::vector<std::vector<int32_t>>& calibration);

// The options that made a result, as fptq_recipe.json holds them; where there are rules, also what they came
// to for each layer.
std::string recipe_json(const QuantizeOptions& options, const ModelConfig& config,
                        const QuantizeReport& report);

}  // namespace fptq
