#include "formats/quantization_args.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "fptq/error.h"

namespace fptq {
namespace {

constexpr std::array<const char*, 7> kStrategyNames = {"tensor", "channel",      "group",    "block",
                                                       "token",  "tensor_group", "attn_head"};

constexpr std::array<std::string_view, 13> kKnownKeys = {
    "num_bits", "type",     "symmetric",   "group_size", "strategy", "observer_kwargs", "block_structure",
    "dynamic",  "actorder", "scale_dtype", "zp_dtype",   "observer", "float_format"};

[[noreturn]] void bad(const std::string& where, const char* key, const std::string& what,
                      const std::string& fix = {}) {
  throw Error(ErrorKind::kBadModel, where + ":" + key, what, fix);
}

std::string lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return s;
}

QuantizationStrategy read_strategy(const Json& args, const std::string& where, int64_t group_size) {
  if (json_find(args, "strategy") == nullptr) {
    if (group_size > 0) return QuantizationStrategy::kGroup;
    return group_size == -1 ? QuantizationStrategy::kChannel : QuantizationStrategy::kTensor;
  }
  const std::string name = lower(json_string(args, "strategy", where));
  for (size_t i = 0; i < kStrategyNames.size(); ++i) {
    if (name == kStrategyNames[i]) return static_cast<QuantizationStrategy>(i);
  }
  bad(where, "strategy", fmt::format("unknown strategy \"{}\"", name));
}

void read_dynamic(const Json& args, const std::string& where, QuantizationArgs& out) {
  const Json* dynamic = json_find(args, "dynamic");
  if (dynamic == nullptr) return;
  if (dynamic->is_string() && lower(dynamic->get<std::string>()) == "local") {
    out.dynamic = out.local = true;
  } else {
    out.dynamic = json_bool(args, "dynamic", where, false);
  }
}

// A reordering of the inputs that a reader without g_idx support would silently ignore.
void check_actorder(const Json& args, const std::string& where) {
  const Json* order = json_find(args, "actorder");
  if (order == nullptr || *order == false) return;
  const std::string name = order->is_string() ? lower(order->get<std::string>()) : order->dump();
  if (name == "weight" || name == "static") return;
  bad(where, "actorder", fmt::format("activation ordering {} is not supported", name.substr(0, 40)),
      "quantize again with actorder \"weight\" or none");
}

}  // namespace

const char* to_string(QuantizationStrategy strategy) {
  return kStrategyNames[static_cast<size_t>(strategy)];
}

QuantizationArgs parse_quantization_args(const Json& args, const std::string& where) {
  if (!args.is_object()) throw Error(ErrorKind::kBadModel, where, "expected an object");
  for (const auto& [key, value] : args.items()) {
    if (std::find(kKnownKeys.begin(), kKnownKeys.end(), key) == kKnownKeys.end()) {
      throw Error(ErrorKind::kBadModel, where, fmt::format("unknown key \"{}\"", key.substr(0, 60)));
    }
  }
  QuantizationArgs out;
  out.num_bits = json_int(args, "num_bits", where, 8);
  const std::string type = lower(json_string(args, "type", where, "int"));
  if (type != "int" && type != "float")
    bad(where, "type", fmt::format("expected int or float, found \"{}\"", type));
  out.is_float = type == "float";
  const std::string float_format = json_string(args, "float_format", where, "e4m3");
  if (float_format != "e4m3" && float_format != "e5m2")
    bad(where, "float_format",
        fmt::format("expected e4m3 or e5m2, found \"{}\"", float_format.substr(0, 60)));
  out.e5m2 = out.is_float && float_format == "e5m2";
  out.symmetric = json_bool(args, "symmetric", where, true);
  const int64_t group_size = json_int(args, "group_size", where, 0);
  if (group_size < -1)
    bad(where, "group_size", fmt::format("expected a positive number or -1, found {}", group_size));
  out.strategy = read_strategy(args, where, group_size);
  read_dynamic(args, where, out);
  check_actorder(args, where);

  using S = QuantizationStrategy;
  const bool grouped = out.strategy == S::kGroup || out.strategy == S::kTensorGroup;
  if (grouped != (group_size > 0)) {
    bad(where, "group_size",
        fmt::format("strategy {} with group size {}: a group size belongs to strategy group and to no other",
                    to_string(out.strategy), group_size));
  }
  out.group_size = std::max<int64_t>(group_size, 0);
  if ((out.strategy == S::kBlock) != (json_find(args, "block_structure") != nullptr)) {
    bad(where, "block_structure", "belongs to strategy block and to no other");
  }
  if (out.strategy == S::kToken && !out.dynamic) {
    bad(where, "dynamic", "strategy token needs \"dynamic\": true");
  }
  if (out.dynamic && out.strategy != S::kToken && out.strategy != S::kTensor && !grouped) {
    bad(where, "dynamic", fmt::format("strategy {} cannot be dynamic", to_string(out.strategy)));
  }
  return out;
}

}  // namespace fptq
