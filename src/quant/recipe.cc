#include "quant/recipe.h"

#include <fmt/format.h>

#include <algorithm>

#include "fptq/error.h"
#include "quant/preset.h"
#include "quant/rule_targets.h"
#include "quant/settings.h"

namespace fptq {
namespace {

constexpr Specificity kSpecificities[] = {Specificity::kClass, Specificity::kPattern, Specificity::kName};

std::string where_of(const RecipeRule& rule) {
  return rule.where.empty() ? "recipe" : rule.where;
}

ModuleNames names_of(int64_t layers) {
  ModuleNames names;
  for (int64_t layer = 0; layer < layers; ++layer) {
    for (const LinearId id : kAllLinears) names.linears.push_back(module_name(layer, id));
  }
  names.others = {kHeadModule, kEmbeddingModule};
  return names;
}

void apply(const RecipeRule& rule, QuantizeOptions& options) {
  if (rule.method) options.method = *rule.method;
  if (rule.scheme) {
    options.scheme = *rule.scheme;
    options.weight_bits.reset();
  }
  if (rule.bits) options.weight_bits = *rule.bits;
  if (rule.group_size) options.group_size = *rule.group_size;
  if (rule.symmetric) options.symmetric = *rule.symmetric;
}

void check_layer(const QuantizeOptions& options, const std::string& module, const RecipeRule& rule) {
  try {
    QuantizeOptions layer = options;
    // The observer is for the whole run: layers without static scales do not contradict it.
    if (activation_form(layer) != ActivationForm::kStatic) layer.observer = QuantizeOptions().observer;
    check_options(layer);
  } catch (const Error& e) {
    throw Error(e.kind(), where_of(rule), fmt::format("{}: {}", module, e.what()));
  }
}

// Whether layers with these options can read one input.
bool agree(const QuantizeOptions& a, const QuantizeOptions& b) {
  return activation_form(a) == activation_form(b) &&
         find_scheme(a.scheme).input == find_scheme(b.scheme).input &&
         method_of(a).plan_activation == method_of(b).plan_activation;
}

[[noreturn]] void refuse_input(const std::string& where, const std::string& a, const QuantizeOptions& for_a,
                               const std::string& b, const QuantizeOptions& for_b) {
  throw Error(ErrorKind::kUsage, where,
              fmt::format("{} and {} read the same input, but one wants it as {} with method {} has it, the "
                          "other as {} with method {}",
                          a, b, for_a.scheme, for_a.method, for_b.scheme, for_b.method),
              "let one rule target both, or change bits, group_size and symmetric alone");
}

// What rules say about the head, and that the embedding takes none.
class HeadRules {
 public:
  explicit HeadRules(const QuantizeOptions& options) : asked_(options.head), head_(options) {
    head_.rules.clear();
    head_.head = head_name(options);
  }

  void ignore(const RecipeRule& rule) {
    if (asked_ != "keep" && asked_ != "auto") {
      throw Error(ErrorKind::kUsage, where_of(rule) + ":ignore",
                  fmt::format("lm_head is ignored, but --head asks for {}", asked_));
    }
    ignored_ = true;
  }

  void add(const RecipeRule& rule) {
    if (rule.method || rule.scheme) {
      throw Error(ErrorKind::kUsage, where_of(rule),
                  "lm_head takes bits, group_size and symmetric alone: it is rounded to nearest, its input "
                  "has a scale per token");
    }
    if (rule.bits && *rule.bits != 4 && *rule.bits != 8) {
      throw Error(ErrorKind::kUsage, where_of(rule),
                  fmt::format("lm_head: bits is {}, expected 4 or 8", *rule.bits));
    }
    if (rule.bits) head_.head = *rule.bits == 8 ? "int8" : "int4";
    if (head_.head == "keep") {
      throw Error(ErrorKind::kUsage, where_of(rule), "lm_head is not quantized", "give it bits: 8 or 4");
    }
    const bool grouped = rule.group_size && *rule.group_size != -1;
    if (head_.head == "int8" && (grouped || rule.symmetric == false)) {
      throw Error(ErrorKind::kUsage, where_of(rule),
                  "lm_head in 8 bits has one symmetric scale for each vocabulary entry");
    }
    RecipeRule rest = rule;
    rest.bits.reset();
    apply(rest, head_);
  }

  QuantizeOptions take() {
    if (ignored_) head_.head = "keep";
    return std::move(head_);
  }

 private:
  std::string asked_;
  QuantizeOptions head_;
  bool ignored_ = false;
};

}  // namespace

LayerRecipe::LayerRecipe(const QuantizeOptions& options, const ModelConfig& config)
    : layers_(config.num_layers) {
  Entry plain{.options = options};
  plain.options.rules.clear();
  plain.options.bits_per_weight.reset();  // which is the whole model's
  entries_.assign(static_cast<size_t>(layers_) * kAllLinears.size(), plain);
  head_ = HeadRules(options).take();
  embeddings_ = embeddings_name(options);
  if (options.rules.empty()) return;

  const ModuleNames names = names_of(layers_);
  std::vector<RuleTargets> targets;
  HeadRules head(options);
  for (const RecipeRule& rule : options.rules) {
    const RuleTargets& t = targets.emplace_back(resolve_targets(rule, names));
    const Specificity on_head = t.others[0], on_embedding = t.others[1];
    if (rule.ignore) {
      if (on_head != Specificity::kNone) head.ignore(rule);
      if (on_embedding != Specificity::kNone) ignore_embeddings(options, rule);
    } else {
      // Patterns that are about layers may match the head by accident.
      if (on_head == Specificity::kName) head.add(rule);
      if (on_embedding == Specificity::kName) {
        throw Error(ErrorKind::kUsage, where_of(rule),
                    "model.embed_tokens takes no settings: it is kept, or in 8 bits",
                    "ask for --embeddings int8");
      }
    }
  }
  head_ = head.take();

  std::vector<const RecipeRule*> last(entries_.size());  // the rule that changed a layer last
  for (const Specificity precision : kSpecificities) {
    for (size_t r = 0; r < targets.size(); ++r) {
      const RecipeRule& rule = options.rules[r];
      for (size_t i = 0; i < entries_.size(); ++i) {
        if (targets[r].linears[i] != precision) continue;
        entries_[i].ignored |= rule.ignore;
        entries_[i].bits_are_ruled |= rule.bits.has_value() || rule.scheme.has_value();
        apply(rule, entries_[i].options);
        last[i] = &rule;
      }
    }
  }
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (last[i] != nullptr && !entries_[i].ignored)
      check_layer(entries_[i].options, names.linears[i], *last[i]);
  }
  check_inputs(last);
  check_types(last);
}

void LayerRecipe::ignore_embeddings(const QuantizeOptions& options, const RecipeRule& rule) {
  if (options.embeddings == "int8") {
    throw Error(ErrorKind::kUsage, where_of(rule) + ":ignore",
                "model.embed_tokens is ignored, but --embeddings asks for int8");
  }
  embeddings_ = "keep";
}

void LayerRecipe::check_types(const std::vector<const RecipeRule*>& last) const {
  const auto is_nf4 = [](const Entry& e) {
    return find_scheme(e.options.scheme).weights.type == CodeType::kNormalFloat4;
  };
  const Entry* first = nullptr;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].ignored) continue;
    if (first == nullptr) first = &entries_[i];
    if (is_nf4(entries_[i]) == is_nf4(*first)) continue;
    throw Error(ErrorKind::kUsage,
                where_of(last[i] ? *last[i] : *last[static_cast<size_t>(first - entries_.data())]),
                "no file format holds NF4 beside other types", "give all layers scheme nf4, or none");
  }
}

void LayerRecipe::check_inputs(const std::vector<const RecipeRule*>& last) const {
  for (int64_t layer = 0; layer < layers_; ++layer) {
    for (const InputId input : kAllInputs) {
      const std::vector<LinearId> readers = quantized(layer, input);
      for (const LinearId id : readers) {
        const LinearId first = readers.front();
        if (agree(options(layer, first), options(layer, id))) continue;
        const RecipeRule* rule = last[index(layer, id)] ? last[index(layer, id)] : last[index(layer, first)];
        refuse_input(where_of(*rule), module_name(layer, first), options(layer, first),
                     module_name(layer, id), options(layer, id));
      }
    }
  }
}

std::vector<LinearId> LayerRecipe::quantized(int64_t layer, InputId input) const {
  std::vector<LinearId> ids;
  for (const LinearId id : input_facts(input).consumers) {
    if (!ignores(layer, id)) ids.push_back(id);
  }
  return ids;
}

template <typename Holds>
bool LayerRecipe::any_method(const Holds& holds) const {
  return std::ranges::any_of(entries_,
                             [&](const Entry& e) { return !e.ignored && holds(method_of(e.options)); });
}

bool LayerRecipe::needs_calibration() const {
  return std::ranges::any_of(entries_,
                             [](const Entry& e) { return !e.ignored && fptq::needs_calibration(e.options); });
}

StatisticsNeeds LayerRecipe::statistics() const {
  StatisticsNeeds all;
  for (const Entry& e : entries_) {
    if (e.ignored) continue;
    const StatisticsNeeds needs = statistics_needs(e.options);
    all.moment |= needs.moment;
    all.drift |= needs.drift;
    all.mean |= needs.mean;
    all.sample_tokens = std::max(all.sample_tokens, needs.sample_tokens);
  }
  return all;
}

bool LayerRecipe::sequential() const {
  return any_method([](const Method& m) { return m.sequential; });
}

bool LayerRecipe::needs_original() const {
  if (tuning_steps() > 0 || statistics().drift) return true;
  for (int64_t layer = 0; layer < layers_; ++layer) {
    if (iterations(layer) > 0) return true;
  }
  return false;
}

int64_t LayerRecipe::iterations(int64_t layer) const {
  const bool learns = std::ranges::all_of(kAllLinears, [&](LinearId id) {
    const QuantizeOptions& o = options(layer, id);
    return !ignores(layer, id) && method_of(o).learns &&
           find_scheme(o.scheme).weights.type == CodeType::kInteger;
  });
  return learns ? find_preset(options(layer, kAllLinears.front()).preset).iterations : 0;
}

int64_t LayerRecipe::tuning_steps() const {
  int64_t steps = 0;
  for (const Entry& e : entries_) {
    if (e.ignored) continue;
    if (find_scheme(e.options.scheme).weights.type != CodeType::kInteger) return 0;
    if (method_of(e.options).tunes) steps = find_preset(e.options.preset).tuning_steps;
  }
  return steps;
}

std::vector<int64_t> LayerRecipe::blocks_kept_from_learning() const {
  std::vector<int64_t> blocks;
  for (int64_t layer = 0; layer < layers_; ++layer) {
    const bool wants = std::ranges::any_of(kAllLinears, [&](LinearId id) {
      const QuantizeOptions& o = options(layer, id);
      return !ignores(layer, id) && method_of(o).learns && find_preset(o.preset).iterations > 0;
    });
    if (wants && iterations(layer) == 0) blocks.push_back(layer);
  }
  return blocks;
}

}  // namespace fptq
