#include "quant/quantized_head.h"

#include <fmt/format.h>

#include "fptq/error.h"
#include "quant/deviation.h"
#include "quant/group_size.h"
#include "quant/round_to_nearest.h"
#include "tensor/scheme_name.h"

namespace fptq {

std::optional<WeightSpec> head_spec(const std::string& name, int64_t hidden_size, int64_t group_size,
                                    bool symmetric) {
  if (name == "keep") return std::nullopt;
  if (name == "int8") return WeightSpec{8, 0, true};
  if (name == "int4") return WeightSpec{4, resolve_group_size(hidden_size, group_size).size, symmetric};
  throw Error(ErrorKind::kUsage, "--head", fmt::format("\"{}\" is none of keep, int8, int4", name));
}

namespace {

LinearWeights round_table(const LinearWeights& table, const char* module, const std::string& where,
                          const WeightSpec& spec, DType scale_dtype, ThreadPool& pool, LinearReport& report) {
  const WeightRows rows(table, {}, where + ":" + module);
  LinearWeights quantized = round_to_nearest(rows, spec, scale_dtype, pool);
  const Deviation deviation = measure_deviation(rows, quantized, pool);
  report = {.module = module,
            .bits = spec.bits,
            .group_size = spec.group_size,
            .relative_error = deviation.relative_error,
            .sqnr_db = deviation.sqnr_db,
            .form = scheme_name(spec),
            .weights = rows.rows() * rows.cols(),
            .clipped_share = deviation.clipped_share,
            .smallest_scale = deviation.smallest_scale,
            .largest_scale = deviation.largest_scale};
  return quantized;
}

}  // namespace

LinearWeights quantize_head(const WeightSource& source, const WeightSpec& spec, DType scale_dtype,
                            ThreadPool& pool, LinearReport& report) {
  LinearWeights head =
      round_table(source.head(), kHeadModule, source.where(), spec, scale_dtype, pool, report);
  head.activation.mode = ActivationMode::kDynamicToken;
  return head;
}

LinearWeights quantize_embedding(const WeightSource& source, const WeightSpec& spec, DType scale_dtype,
                                 ThreadPool& pool, LinearReport& report) {
  return round_table(source.token_table(), kEmbeddingModule, source.where(), spec, scale_dtype, pool, report);
}

}  // namespace fptq
