#include "model/layout.h"

#include <fmt/format.h>

namespace fptq {
namespace {

struct LinearFacts {
  const char* name;
  const char* parent;
  InputId input;
};

constexpr std::array<LinearFacts, kAllLinears.size()> kLinearFacts = {{
    {"q_proj", "self_attn", InputId::kAttention},
    {"k_proj", "self_attn", InputId::kAttention},
    {"v_proj", "self_attn", InputId::kAttention},
    {"o_proj", "self_attn", InputId::kO},
    {"gate_proj", "mlp", InputId::kMlp},
    {"up_proj", "mlp", InputId::kMlp},
    {"down_proj", "mlp", InputId::kDown},
}};

constexpr std::array kAttentionConsumers = {LinearId::kQ, LinearId::kK, LinearId::kV};
constexpr std::array kOConsumers = {LinearId::kO};
constexpr std::array kMlpConsumers = {LinearId::kGate, LinearId::kUp};
constexpr std::array kDownConsumers = {LinearId::kDown};

constexpr std::array<InputFacts, kAllInputs.size()> kInputFacts = {{
    {InputId::kAttention, "q/k/v input", kAttentionConsumers, Producer::kAttentionNorm, true},
    {InputId::kO, "o input", kOConsumers, Producer::kVProj, false},
    {InputId::kMlp, "gate/up input", kMlpConsumers, Producer::kMlpNorm, true},
    {InputId::kDown, "down input", kDownConsumers, Producer::kUpProj, false},
}};

}  // namespace

const InputFacts& input_facts(InputId id) {
  return kInputFacts[static_cast<size_t>(id)];
}

InputId input_of(LinearId id) {
  return kLinearFacts[static_cast<size_t>(id)].input;
}

const char* short_name(LinearId id) {
  return kLinearFacts[static_cast<size_t>(id)].name;
}

std::string module_name(int64_t layer, LinearId id) {
  const LinearFacts& facts = kLinearFacts[static_cast<size_t>(id)];
  return fmt::format("model.layers.{}.{}.{}", layer, facts.parent, facts.name);
}

std::string norm_module_name(int64_t layer, NormId id) {
  return fmt::format("model.layers.{}.{}", layer,
                     id == NormId::kAttention ? "input_layernorm" : "post_attention_layernorm");
}

}  // namespace fptq
