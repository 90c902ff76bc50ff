#include "quant/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "fptq/error.h"
#include "quant/method.h"
#include "quant/preset.h"
#include "quant/quantized_head.h"
#include "quant/static_range.h"

namespace fptq {
namespace {

struct OutputType {
  const char* name;
  DType dtype;
};
constexpr OutputType kOutputTypes[] = {{"f32", DType::kF32}, {"f16", DType::kF16}, {"bf16", DType::kBF16}};

// What knows groups of integers alone are solvers and searches.
bool rounds_to_nearest(const QuantizeOptions& o) {
  const bool searches = !o.alpha && method_of(o).plan_activation == smoothquant_policy;
  return method_of(o).every_type && !searches;
}

void check_per_tensor(const QuantizeOptions& o) {
  const std::string where = "one scale per tensor";
  if (o.group_size) throw Error(ErrorKind::kUsage, where, "leaves nothing to group");
  if (find_scheme(o.scheme).weights.type == CodeType::kNormalFloat4)
    throw Error(ErrorKind::kUsage, where, fmt::format("scheme {} has blocks", o.scheme));
  if (!rounds_to_nearest(o)) {
    throw Error(ErrorKind::kUsage, where, fmt::format("method {} is for groups or rows", o.method),
                "choose rtn, static, fptq or smoothquant with a fixed alpha");
  }
}

void check_weights(const QuantizeOptions& o) {
  const Scheme& scheme = find_scheme(o.scheme);
  const int bits = weight_bits(o);
  if (o.per_tensor) check_per_tensor(o);
  if (scheme.integer_weights()) {
    if (bits != 3 && bits != 4 && bits != 8)
      throw Error(ErrorKind::kUsage, "weight bits", fmt::format("is {}, expected 3, 4 or 8", bits));
    return check_group_size(wanted_group_size(o));
  }
  const std::string where = fmt::format("scheme {}", o.scheme);
  if (!rounds_to_nearest(o)) {
    throw Error(ErrorKind::kUsage, "method",
                fmt::format("{} is for integers, but {} has none", o.method, where),
                "choose rtn, static, fptq or smoothquant with a fixed alpha");
  }
  if (!o.symmetric) throw Error(ErrorKind::kUsage, where, "knows no zero points");
  if (o.weight_bits) throw Error(ErrorKind::kUsage, where, "says its bits already");
  if (scheme.weights.type != CodeType::kNormalFloat4) return check_group_size(wanted_group_size(o));
  const int64_t size = wanted_group_size(o);
  if (size < 32 || size > 4096 || !std::has_single_bit(static_cast<uint64_t>(size))) {
    throw Error(ErrorKind::kUsage, "--group-size",
                fmt::format("is {}, but {} takes powers of two from 32 to 4096", size, where));
  }
  if (embeddings_name(o) != "keep")
    throw Error(ErrorKind::kUsage, "embeddings",
                fmt::format("{} cannot stand beside {}", o.embeddings, where));
  if (head_name(o) != "keep")
    throw Error(ErrorKind::kUsage, "head", fmt::format("{} cannot stand beside {}", o.head, where));
}

void check_bit_budget(const QuantizeOptions& o) {
  if (!o.bits_per_weight) return;
  const char* where = "bits per weight";
  if (!(*o.bits_per_weight >= 1.0 && *o.bits_per_weight <= 16.0)) {
    throw Error(ErrorKind::kUsage, where, fmt::format("is {:g}, expected 1 to 16", *o.bits_per_weight));
  }
  if (!find_scheme(o.scheme).integer_weights())
    throw Error(ErrorKind::kUsage, where, fmt::format("scheme {} has the same everywhere", o.scheme));
  if (weight_bits(o) == 8) {
    throw Error(ErrorKind::kUsage, where, "all weights have 8 bits already, and there are no more to give",
                "choose a scheme of 4 or 3 bits");
  }
}

void check_activations(const QuantizeOptions& o) {
  const ActivationForm wanted = find_scheme(o.scheme).inputs, own = method_of(o).inputs;
  if (own == ActivationForm::kStatic && wanted != ActivationForm::kByMethod && wanted != own) {
    throw Error(ErrorKind::kUsage, "method",
                fmt::format("{} is about static activations, but scheme {} has none", o.method, o.scheme),
                "choose another scheme, or method rtn");
  }
  const RangeObserver observer = find_range_observer(o.observer);
  if (!(o.percentile > 0.0 && o.percentile <= 100.0)) {
    throw Error(ErrorKind::kUsage, "percentile",
                fmt::format("is {:g}, expected a number above 0, at most 100", o.percentile));
  }
  if (observer != RangeObserver::kMinMax && activation_form(o) != ActivationForm::kStatic) {
    throw Error(ErrorKind::kUsage, "observer",
                fmt::format("{} finds static scales, but {} with method {} fixes none", o.observer, o.scheme,
                            o.method),
                "add scheme w4a8-static or w8a8-static");
  }
  if (o.alpha && !(*o.alpha >= 0.0 && *o.alpha <= 1.0)) {
    throw Error(ErrorKind::kUsage, "alpha", fmt::format("is {:g}, expected 0 to 1", *o.alpha));
  }
}

}  // namespace

void check_options(const QuantizeOptions& o) {
  find_method(o.method);
  find_scheme(o.scheme);
  find_preset(o.preset);
  check_weights(o);
  check_bit_budget(o);
  check_activations(o);
  // Written so that NaN fails too.
  if (!(o.static_threshold >= 0.0) || !(o.dynamic_threshold >= o.static_threshold)) {
    throw Error(ErrorKind::kUsage, "thresholds",
                fmt::format("are {:g} (static) and {:g} (dynamic), expected 0 <= static <= dynamic",
                            o.static_threshold, o.dynamic_threshold));
  }
  head_weight_spec(o, 0);
  resolve_output_dtype(o, ModelConfig{});
}

const Method& method_of(const QuantizeOptions& o) {
  const Method& method = find_method(o.method);
  const bool solvable = find_scheme(o.scheme).integer_weights() && !o.per_tensor;
  return method.tunes && !solvable ? find_method("rtn") : method;
}

int weight_bits(const QuantizeOptions& o) {
  return o.weight_bits.value_or(find_scheme(o.scheme).weights.bits);
}

int64_t wanted_group_size(const QuantizeOptions& o) {
  if (o.group_size) return *o.group_size;
  if (const int64_t own = find_scheme(o.scheme).weights.group_size; own != 0) return own;
  // Eight bits hardly gain from more scales than rows.
  return weight_bits(o) == 8 ? -1 : kUsualGroupSize;
}

std::string embeddings_name(const QuantizeOptions& o) {
  const std::string name = o.embeddings == "auto" ? find_scheme(o.scheme).embeddings : o.embeddings;
  if (name == "keep" || name == "int8") return name;
  throw Error(ErrorKind::kUsage, "--embeddings", fmt::format("\"{}\" is none of auto, keep, int8", name));
}

std::string head_name(const QuantizeOptions& o) {
  if (o.head != "auto") return o.head;
  return embeddings_name(o) == "keep" ? find_scheme(o.scheme).head : "int8";
}

std::optional<WeightSpec> head_weight_spec(const QuantizeOptions& o, int64_t hidden_size) {
  const int64_t own = find_scheme(o.scheme).weights.group_size;
  return head_spec(head_name(o), hidden_size, o.group_size.value_or(own != 0 ? own : kUsualGroupSize),
                   o.symmetric);
}

WeightSpec weight_spec(const QuantizeOptions& o, int64_t cols) {
  WeightSpec spec = find_scheme(o.scheme).weights;
  spec.bits = weight_bits(o);
  spec.group_size = group_size(o, cols).size;
  spec.symmetric = o.symmetric;
  spec.per_tensor = o.per_tensor;
  return spec;
}

GroupSize group_size(const QuantizeOptions& o, int64_t cols) {
  if (o.per_tensor) return {};
  // NF4's go on across the ends of rows.
  if (find_scheme(o.scheme).weights.type == CodeType::kNormalFloat4) return {wanted_group_size(o), false};
  return resolve_group_size(cols, wanted_group_size(o));
}

ActivationForm activation_form(const QuantizeOptions& o) {
  const ActivationForm wanted = find_scheme(o.scheme).inputs;
  return wanted == ActivationForm::kByMethod ? method_of(o).inputs : wanted;
}

CalibrationOptions calibration_options(const QuantizeOptions& o) {
  CalibrationOptions c = o.calibration;
  if (c.source == "auto") c.source = method_of(o).without_data;
  // The longer something is learned, the more data keep it from learning them by heart.
  const Method& method = method_of(o);
  if (!c.nsamples && (method.tunes || method.learns)) c.nsamples = find_preset(o.preset).windows;
  return c;
}

bool needs_calibration(const QuantizeOptions& o) {
  return method_of(o).needs_calibration || activation_form(o) == ActivationForm::kStatic;
}

StatisticsNeeds statistics_needs(const QuantizeOptions& o) {
  StatisticsNeeds needs = method_of(o).needs;
  const bool observes = find_range_observer(o.observer) != RangeObserver::kMinMax;
  if (observes || !o.alpha) needs.sample_tokens = std::max(needs.sample_tokens, kSampleTokens);
  return needs;
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
