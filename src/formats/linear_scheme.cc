#include "formats/linear_scheme.h"

#include <fmt/format.h>

#include "fptq/error.h"

namespace fptq {
namespace {

using S = QuantizationStrategy;

[[noreturn]] void unsupported(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::kBadModel, where, what + " is not supported",
              "W4A16, W4A8, W8A16 and W8A8 with integer types are");
}

CodeStorage storage_of(const QuantizationScheme& scheme) {
  // Of the library's list, what can claim an integer weight; the first that fits is taken.
  if (scheme.format.empty()) return scheme.inputs ? CodeStorage::kPlain : CodeStorage::kPacked;
  if (scheme.format == "pack-quantized") return CodeStorage::kPacked;
  if (scheme.format == "int-quantized" || scheme.format == "naive-quantized") return CodeStorage::kPlain;
  unsupported(scheme.where + ".format", fmt::format("format \"{}\"", scheme.format.substr(0, 60)));
}

void read_weights(const QuantizationArgs& args, const std::string& where, LinearScheme& out) {
  if (args.is_float) unsupported(where + ".type", fmt::format("{}-bit float", args.num_bits));
  if (args.num_bits != 4 && args.num_bits != 8)
    unsupported(where + ".num_bits", fmt::format("{}-bit int", args.num_bits));
  if (args.dynamic) unsupported(where + ".dynamic", "dynamic quantization of weights");
  if (args.strategy != S::kGroup && args.strategy != S::kChannel && args.strategy != S::kTensor) {
    unsupported(where + ".strategy", fmt::format("strategy {} for weights", to_string(args.strategy)));
  }
  out.weights.bits = static_cast<int>(args.num_bits);
  out.weights.group_size = args.group_size;
  out.weights.symmetric = args.symmetric;
  out.one_scale_for_all = args.strategy == S::kTensor;
}

ActivationSpec read_inputs(const QuantizationArgs& args, const std::string& where) {
  if (args.is_float) unsupported(where + ".type", fmt::format("{}-bit float", args.num_bits));
  if (args.num_bits != 8) unsupported(where + ".num_bits", fmt::format("{}-bit int", args.num_bits));
  ActivationSpec out;
  out.symmetric = args.symmetric;
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
  read_weights(*scheme.weights, scheme.where + ".weights", out);
  out.storage = storage_of(scheme);
  if (scheme.inputs) out.activation = read_inputs(*scheme.inputs, scheme.where + ".input_activations");
  return out;
}

}  // namespace fptq
