#include "formats/quantization_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "fptq/error.h"

namespace fptq {
namespace {

[[noreturn]] void bad(const std::string& where, const std::string& what, const std::string& fix = {}) {
  throw Error(ErrorKind::kBadModel, where, what, fix);
}

std::vector<std::string> read_strings(const Json* list, const std::string& where) {
  std::vector<std::string> out;
  if (list == nullptr) return out;
  if (!list->is_array()) bad(where, "expected a list of strings");
  for (const Json& item : *list) {
    if (!item.is_string()) bad(where, "expected a list of strings, found " + item.dump().substr(0, 40));
    out.push_back(item.get<std::string>());
  }
  return out;
}

struct Preset {
  std::string_view name;
  int bits;
  bool symmetric;
  QuantizationStrategy weights;  // groups have 128 inputs
  int input_bits;                // 16: not quantized
  bool is_float = false;
  bool static_inputs = false;
};
constexpr auto kGroups = QuantizationStrategy::kGroup;
constexpr std::array<Preset, 12> kPresets = {
    {{"W3A4", 3, true, kGroups, 4},
     {"W3A8", 3, true, kGroups, 8},
     {"W3A16", 3, true, kGroups, 16},
     {"W4A4", 4, true, kGroups, 4},
     {"W4A16", 4, true, kGroups, 16},
     {"W4A16_ASYM", 4, false, kGroups, 16},
     {"W8A16", 8, true, kGroups, 16},
     {"W4A8", 4, true, kGroups, 8},
     {"W8A8", 8, true, QuantizationStrategy::kChannel, 8},
     {"INT8", 8, true, QuantizationStrategy::kChannel, 8},
     {"FP8", 8, true, QuantizationStrategy::kTensor, 8, true, true},
     {"FP8_DYNAMIC", 8, true, QuantizationStrategy::kChannel, 8, true}}};

QuantizationScheme from_preset(const std::string& name, const Json& targets, const std::string& where) {
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (const Preset& preset : kPresets) {
    if (upper != preset.name) continue;
    QuantizationScheme scheme{where, read_strings(&targets, where), QuantizationArgs{}, std::nullopt, {}};
    scheme.weights->num_bits = preset.bits;
    scheme.weights->symmetric = preset.symmetric;
    scheme.weights->is_float = preset.is_float;
    scheme.weights->strategy = preset.weights;
    scheme.weights->group_size = preset.weights == kGroups ? 128 : 0;
    if (preset.input_bits < 16) {
      scheme.inputs = QuantizationArgs{};
      scheme.inputs->num_bits = preset.input_bits;
      scheme.inputs->is_float = preset.is_float;
      scheme.inputs->strategy =
          preset.static_inputs ? QuantizationStrategy::kTensor : QuantizationStrategy::kToken;
      scheme.inputs->dynamic = !preset.static_inputs;
    }
    return scheme;
  }
  std::string known;
  for (const Preset& preset : kPresets) known += (known.empty() ? "" : ", ") + std::string(preset.name);
  bad(where, fmt::format("preset scheme \"{}\" is not supported", name.substr(0, 60)),
      "supported are " + known);
}

QuantizationScheme read_scheme(const Json& group, const std::string& where) {
  for (const auto& [key, value] : group.items()) {
    if (key != "targets" && key != "weights" && key != "input_activations" && key != "output_activations" &&
        key != "format") {
      bad(where, fmt::format("unknown key \"{}\"", key.substr(0, 60)));
    }
  }
  QuantizationScheme scheme;
  scheme.where = where;
  if (json_find(group, "targets") == nullptr) bad(where + ".targets", "is missing");
  scheme.targets = read_strings(json_find(group, "targets"), where + ".targets");
  if (const Json* args = json_find(group, "weights"))
    scheme.weights = parse_quantization_args(*args, where + ".weights");
  if (const Json* args = json_find(group, "input_activations")) {
    scheme.inputs = parse_quantization_args(*args, where + ".input_activations");
  }
  if (json_find(group, "output_activations") != nullptr) {
    bad(where + ".output_activations", "quantized outputs are not supported");
  }
  scheme.format = json_string(group, "format", where, "");
  return scheme;
}

void refuse_if_present(const Json& config, const char* key, const std::string& where, const char* what) {
  const Json* value = json_find(config, key);
  if (value != nullptr && !value->empty()) bad(where + "." + key, what);
}

}  // namespace

QuantizationConfig parse_quantization_config(const Json& config, const std::string& where) {
  if (!config.is_object()) bad(where, "expected an object");
  const std::string method = json_string(config, "quant_method", where);
  if (method != "compressed-tensors") {
    bad(where + ".quant_method",
        fmt::format("\"{}\" is not supported, expected \"compressed-tensors\"", method.substr(0, 60)));
  }
  const std::string status = json_string(config, "quantization_status", where, "initialized");
  if (status != "compressed") {
    // The library would warn, leave the weights uninitialized and go on.
    bad(where + ".quantization_status",
        fmt::format("expected \"compressed\", found \"{}\"", status.substr(0, 60)),
        "save the model in its compressed form");
  }
  refuse_if_present(config, "kv_cache_scheme", where,
                    "a quantized KV cache with stored scales is not supported");
  refuse_if_present(config, "sparsity_config", where, "sparse weights are not supported");
  refuse_if_present(config, "transform_config", where,
                    "transforms (rotations) at run time are not supported");

  QuantizationConfig out;
  out.ignore = read_strings(json_find(config, "ignore"), where + ".ignore");
  const Json* groups = json_find(config, "config_groups");
  if (groups == nullptr || !groups->is_object()) bad(where + ".config_groups", "expected an object");
  for (const auto& [name, group] : groups->items()) {
    const std::string group_where = fmt::format("{}.config_groups.{}", where, name.substr(0, 60));
    if (group.is_array()) {
      out.schemes.push_back(from_preset(name, group, group_where));
    } else if (group.is_object()) {
      out.schemes.push_back(read_scheme(group, group_where));
    } else {
      bad(group_where, "expected an object");
    }
  }
  return out;
}

}  // namespace fptq
