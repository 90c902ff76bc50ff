// The output head in 8 or 4 bits: half or a quarter of what a small model reads most of for every token. And
// the embedding in 8.
#pragma once

#include <optional>
#include <string>

#include "base/thread_pool.h"
#include "fptq/quantize.h"
#include "model/weight_source.h"

namespace fptq {

// How the weights of a head of `hidden_size` inputs are stored when --head is `name`:
//   keep  nothing, it stays as it is
//   int8  one symmetric scale per vocabulary entry
//   int4  in the groups of the layers: `group_size` as in resolve_group_size()
// Throws Error(kUsage) for other names.
std::optional<WeightSpec> head_spec(const std::string& name, int64_t hidden_size, int64_t group_size,
                                    bool symmetric);

// The head of `source`, rounded to `spec` with scales of `scale_dtype`, and per-token activations. Fills
// `report`. Needs the head's codes in memory, not its floats. Throws what round_to_nearest() throws.
LinearWeights quantize_head(const WeightSource& source, const WeightSpec& spec, DType scale_dtype,
                            ThreadPool& pool, LinearReport& report);

// The same of the embedding, without activations: it is looked up, a row at a time.
LinearWeights quantize_embedding(const WeightSource& source, const WeightSpec& spec, DType scale_dtype,
                                 ThreadPool& pool, LinearReport& report);

}  // namespace fptq
