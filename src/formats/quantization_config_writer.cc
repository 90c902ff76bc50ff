#include "formats/quantization_config_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace fptq {
namespace {

// Layers whose module of a kind is quantized in one form.
using Layers = std::vector<int64_t>;
using FormKey = decltype(LinearForm{}.key());

struct Group {
  LinearForm form;
  std::map<LinearId, Layers> layers;
};

std::vector<Group> group_by_form(std::span<const BlockForms> blocks) {
  std::vector<Group> groups;
  std::map<FormKey, size_t> index;
  for (size_t layer = 0; layer < blocks.size(); ++layer) {
    for (const LinearId id : kAllLinears) {
      const LinearForm& form = blocks[layer][static_cast<size_t>(id)];
      if (form.weights.dense()) continue;
      const auto [at, added] = index.try_emplace(form.key(), groups.size());
      if (added) groups.push_back({form, {}});
      groups[at->second].layers[id].push_back(static_cast<int64_t>(layer));
    }
  }
  return groups;
}

// "self_attn" or "mlp"
std::string parent_of(LinearId id) {
  const std::string module = module_name(0, id);
  const size_t end = module.rfind('.');
  const size_t begin = module.rfind('.', end - 1) + 1;
  return module.substr(begin, end - begin);
}

std::string pattern(const Layers& layers, bool all, const std::string& parent,
                    std::vector<std::string> names) {
  const std::string which = all ? std::string() : fmt::format("layers\\.({})", fmt::join(layers, "|"));
  const std::string name = names.size() == 1 ? names.front() : fmt::format("({})", fmt::join(names, "|"));
  return fmt::format("re:.*{}\\.{}\\.{}$", which, parent, name);
}

Json targets(const Group& group, size_t num_layers) {
  // Modules of one parent on the same layers share a pattern.
  std::map<std::pair<std::string, Layers>, std::vector<LinearId>> shared;
  for (const auto& [id, layers] : group.layers) shared[{parent_of(id), layers}].push_back(id);
  Json out = Json::array();
  for (const auto& [key, ids] : shared) {
    const auto has = [&](LinearId id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); };
    std::vector<std::string> names;
    for (const LinearId id : ids) names.push_back(short_name(id));
    if (has(LinearId::kQ) && has(LinearId::kK) && has(LinearId::kV)) names.push_back("qkv_proj");
    if (has(LinearId::kGate) && has(LinearId::kUp)) names.push_back("gate_up_proj");
    out.push_back(pattern(key.second, key.second.size() == num_layers, key.first, std::move(names)));
  }
  return out;
}

const char* type_name(CodeType type) {
  return type == CodeType::kInteger ? "int" : "float";
}

Json weight_args(const WeightSpec& spec) {
  const bool group = spec.group_size != 0;
  const char* strategy = spec.per_tensor ? "tensor" : group ? "group" : "channel";
  Json args = {{"num_bits", spec.bits},
               {"type", type_name(spec.type)},
               {"symmetric", spec.symmetric},
               {"strategy", strategy},
               {"group_size", group ? Json(spec.group_size) : Json(nullptr)}};
  if (spec.type == CodeType::kFloat8E5M2) args["float_format"] = "e5m2";  // ours: quantization_args.h
  return args;
}

Json input_args(const LinearForm& form) {
  if (form.activation == ActivationMode::kFloat) return nullptr;
  const bool dynamic = form.activation == ActivationMode::kDynamicToken;
  return {{"num_bits", form.activation_bits},
          {"type", type_name(form.activation_type)},
          {"symmetric", form.activation_symmetric},
          {"strategy", dynamic ? "token" : "tensor"},
          {"dynamic", dynamic}};
}

const char* format_of(const LinearForm& form) {
  if (!is_stored_plain(form)) return "pack-quantized";
  return form.weights.type == CodeType::kInteger ? "int-quantized" : "float-quantized";
}

// By name: vLLM looks for every linear layer in the groups or here, and stops at one that is in neither.
Json ignored_modules(std::span<const BlockForms> blocks, bool dense_head) {
  Json out = Json::array();
  for (size_t layer = 0; layer < blocks.size(); ++layer) {
    for (const LinearId id : kAllLinears) {
      if (blocks[layer][static_cast<size_t>(id)].weights.dense())
        out.push_back(module_name(static_cast<int64_t>(layer), id));
    }
  }
  if (dense_head) out.push_back(kHeadModule);
  return out;
}

}  // namespace

Json make_quantization_config(std::span<const BlockForms> blocks, const std::optional<LinearForm>& head,
                              const std::optional<LinearForm>& embedding) {
  Json groups = Json::object();
  std::set<std::string> formats;
  const auto add = [&](const LinearForm& form, const std::string& format, Json patterns) {
    // In every group: readers that find none infer int-quantized for a packed W4A8.
    formats.insert(format);
    groups[fmt::format("group_{}", groups.size())] = {{"targets", std::move(patterns)},
                                                      {"weights", weight_args(form.weights)},
                                                      {"input_activations", input_args(form)},
                                                      {"output_activations", nullptr},
                                                      {"format", format}};
  };
  for (const Group& group : group_by_form(blocks))
    add(group.form, format_of(group.form), targets(group, blocks.size()));
  if (head) add(*head, format_of(*head), {"re:.*lm_head$"});
  if (embedding) add(*embedding, "int-quantized", {"re:.*embed_tokens$"});
  return {{"quant_method", "compressed-tensors"},
          {"version", "0.19.0"},
          {"format", formats.size() == 1 ? *formats.begin() : "mixed-precision"},
          {"quantization_status", "compressed"},
          {"config_groups", std::move(groups)},
          {"ignore", ignored_modules(blocks, !head)},
          {"kv_cache_scheme", nullptr},
          {"global_compression_ratio", nullptr}};
}

}  // namespace fptq
