#include "formats/linear_scheme.h"

#include <fmt/format.h>

#include "fptq/error.h"

namespace fptq {
namespace {

using S = QuantizationStrategy;

[[noreturn]] void unsupported(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::kBadModel, where, what + " is not supported",
              "integers of 3, 4 and 8 bits and FP8 are, with inputs in INT8, INT4, FP8 or not quantized");
}

CodeStorage storage_of(const QuantizationScheme& scheme) {
  const bool is_float = scheme.weights->is_float;
  // Of the library's list, what can claim such a weight; the first that fits is taken.
  if (scheme.format.empty()) return is_float || scheme.inputs ? CodeStorage::kPlain : CodeStorage::kPacked;
  if (scheme.format == "naive-quantized") return CodeStorage::kPlain;
  if (scheme.format == (is_float ? "float-quantized" : "int-quantized")) return CodeStorage::kPlain;
  if (scheme.format == "pack-quantized" && !is_float) return CodeStorage::kPacked;
  unsupported(scheme.where + ".format", fmt::format("format \"{}\"{}", scheme.format.substr(0, 60),
                                                    is_float ? " of float weights" : ""));
}

void read_weights(const QuantizationArgs& args, const std::string& where, WeightSpec& out) {
  if (args.is_float && (args.num_bits != 8 || !args.symmetric)) {
    unsupported(where + ".type",
                fmt::format("{}-bit {}float", args.num_bits, args.symmetric ? "" : "asymmetric "));
  }
  if (args.num_bits != 3 && args.num_bits != 4 && args.num_bits != 8)
    unsupported(where + ".num_bits", fmt::format("{}-bit int", args.num_bits));
  if (args.dynamic) unsupported(where + ".dynamic", "dynamic quantization of weights");
  if (args.strategy != S::kGroup && args.strategy != S::kChannel && args.strategy != S::kTensor) {
    unsupported(where + ".strategy", fmt::format("strategy {} for weights", to_string(args.strategy)));
  }
  out.bits = static_cast<int>(args.num_bits);
  out.group_size = args.group_size;
  out.symmetric = args.symmetric;
  if (args.is_float) out.type = args.e5m2 ? CodeType::kFloat8E5M2 : CodeType::kFloat8E4M3;
  out.per_tensor = args.strategy == S::kTensor;
}

ActivationSpec read_inputs(const QuantizationArgs& args, const std::string& where) {
  if (args.is_float && (args.num_bits != 8 || !args.symmetric)) {
    unsupported(where + ".type",
                fmt::format("{}-bit {}float", args.num_bits, args.symmetric ? "" : "asymmetric "));
  }
  if (args.num_bits != 4 && args.num_bits != 8)
    unsupported(where + ".num_bits", fmt::format("{}-bit int", args.num_bits));
  if (args.e5m2) unsupported(where + ".float_format", "e5m2 for inputs");
  ActivationSpec out;
  out.symmetric = args.symmetric;
  out.type = args.is_float ? CodeType::kFloat8E4M3 : CodeType::kInteger;
  out.bits = static_cast<int>(args.num_bits);
  if (args.strategy == S::kToken) {
    out.mode = ActivationMode::kDynamicToken;
  } else if (args.strategy == S::kTensor && !args.dynamic) {
    out.mode = ActivationMode::kStaticTensor;
  } else {
    unsupported(where + ".strategy",
                fmt::format("{} strategy {} for inputs", args.dynamic ? "dynamic" : "static",
                            to_string(args.strategy)));
  }
  return out;
}

}  // namespace

LinearScheme resolve_scheme(const QuantizationScheme& scheme) {
  if (!scheme.weights) unsupported(scheme.where + ".weights", "quantized inputs with dense weights");
  LinearScheme out;
  read_weights(*scheme.weights, scheme.where + ".weights", out.weights);
  out.storage = storage_of(scheme);
  if (scheme.inputs) out.activation = read_inputs(*scheme.inputs, scheme.where + ".input_activations");
  return out;
}

}  // namespace fptq
