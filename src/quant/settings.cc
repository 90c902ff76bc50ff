#include "quant/settings.h"

#include <fmt/format.h>

#include "fptq/error.h"
#include "quant/group_size.h"
#include "quant/method.h"
#include "quant/preset.h"
#include "quant/quantized_head.h"

namespace fptq {
namespace {

struct OutputType {
  const char* name;
  DType dtype;
};
constexpr OutputType kOutputTypes[] = {{"f32", DType::kF32}, {"f16", DType::kF16}, {"bf16", DType::kBF16}};

}  // namespace

void check_options(const QuantizeOptions& o) {
  find_method(o.method);
  if (o.weight_bits != 4 && o.weight_bits != 8) {
    throw Error(ErrorKind::kUsage, "weight bits", fmt::format("is {}, expected 4 or 8", o.weight_bits));
  }
  find_preset(o.preset);
  check_group_size(o.group_size);
  // Written so that NaN fails too.
  if (!(o.static_threshold >= 0.0) || !(o.dynamic_threshold >= o.static_threshold)) {
    throw Error(ErrorKind::kUsage, "thresholds",
                fmt::format("are {:g} (static) and {:g} (dynamic), expected 0 <= static <= dynamic",
                            o.static_threshold, o.dynamic_threshold));
  }
  head_spec(o.head, 0, o.group_size, o.symmetric);
  resolve_output_dtype(o, ModelConfig{});
}

DType resolve_output_dtype(const QuantizeOptions& options, const ModelConfig& config) {
  if (options.dtype == "auto") {
    for (const OutputType& t : kOutputTypes) {
      if (config.dtype == t.dtype) return t.dtype;
    }
    return DType::kBF16;
  }
  for (const OutputType& t : kOutputTypes) {
    if (options.dtype == t.name) return t.dtype;
  }
  throw Error(ErrorKind::kUsage, "dtype",
              fmt::format("\"{}\" is unknown, expected auto, f32, f16 or bf16", options.dtype));
}

}  // namespace fptq
