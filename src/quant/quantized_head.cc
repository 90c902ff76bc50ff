#include "quant/quantized_head.h"

#include "quant/deviation.h"
#include "quant/round_to_nearest.h"

namespace fptq {

LinearWeights quantize_head(const WeightSource& source, DType scale_dtype, ThreadPool& pool,
                            LinearReport& report) {
  const LinearWeights head = source.head();
  const WeightRows rows(head, {}, source.where() + ":lm_head");
  LinearWeights quantized = round_to_nearest(rows, {8, 0, true}, scale_dtype, pool);
  quantized.activation.mode = ActivationMode::kDynamicToken;
  const Deviation deviation = measure_deviation(rows, quantized, pool);
  report = {"lm_head", 8, 0, false, deviation.relative_error, deviation.sqnr_db};
  return quantized;
}

}  // namespace fptq
