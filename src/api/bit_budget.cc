#include "api/bit_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "api/quantize_setup.h"
#include "fptq/error.h"
#include "quant/bit_budget/allocate_bits.h"
#include "quant/bit_budget/sensitivity.h"
#include "quant/calibration.h"
#include "quant/recipe.h"
#include "quant/settings.h"

namespace fptq {
namespace {

constexpr int64_t kTokens = 2048;
constexpr const char* kOption = "--bits-per-weight";

// The layer as it is, and with more bits. Eight of them need no groups.
std::vector<QuantizeOptions> forms_of(const QuantizeOptions& layer) {
  std::vector<QuantizeOptions> forms = {layer};
  const int bits = weight_bits(layer);
  for (const int more : {4, 8}) {
    if (more <= bits) continue;
    QuantizeOptions& form = forms.emplace_back(layer);
    form.weight_bits = more;
    if (more == 8 && !layer.per_tensor) form.group_size = -1;
  }
  return forms;
}

// Layers that read one input, and whose bits are to be found.
struct Item {
  int64_t layer;
  std::span<const LinearId> ids;
};

std::vector<Item> items_of(const LayerRecipe& recipe, const ModelConfig& config) {
  std::vector<Item> items;
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    for (const InputId input : kAllInputs) {
      const std::span<const LinearId> ids = input_facts(input).consumers;
      if (std::ranges::none_of(ids, [&](LinearId id) {
            return recipe.ignores(layer, id) || recipe.bits_are_ruled(layer, id);
          })) {
        items.push_back({layer, ids});
      }
    }
  }
  return items;
}

int64_t all_weights(const ModelConfig& config) {
  return config.num_layers * block_weights(config);
}

int64_t budget_bytes(const QuantizeOptions& options, const ModelConfig& config) {
  return static_cast<int64_t>(*options.bits_per_weight / 8.0 * static_cast<double>(all_weights(config)));
}

}  // namespace

CalibrationOptions bit_budget_calibration(const QuantizeOptions& options) {
  CalibrationOptions c = calibration_options(options);
  c.nsamples = std::min(windows_wanted(c), std::max<int64_t>(1, kTokens / std::max<int64_t>(1, c.seqlen)));
  return c;
}

int64_t check_bit_budget(const QuantizeOptions& options, const ModelConfig& config, DType dtype) {
  const int64_t least = linears_bytes(LayerRecipe(options, config), config, dtype);
  if (least > budget_bytes(options, config)) {
    throw Error(ErrorKind::kUsage, kOption,
                fmt::format("is {:g}, but the fewest bits that these options allow are {:.4g}",
                            *options.bits_per_weight,
                            8.0 * static_cast<double>(least) / static_cast<double>(all_weights(config))),
                "choose more, or larger groups");
  }
  const CalibrationOptions c = bit_budget_calibration(options);
  return *c.nsamples * c.seqlen;
}

QuantizeOptions within_bit_budget(const QuantizeOptions& options, const Checkpoint& source,
                                  const TokenWindows& calibration, Backend& backend, Progress& progress) {
  if (!options.bits_per_weight) return options;
  const ModelConfig& config = source.weights->config();
  const DType dtype = resolve_output_dtype(options, config);
  const LayerRecipe recipe(options, config);
  const int64_t looked_at = *bit_budget_calibration(options).nsamples;
  const TokenWindows windows(calibration.begin(),
                             calibration.begin() + std::min(looked_at, std::ssize(calibration)));
  const auto specs = [&](int64_t layer, LinearId id) {
    std::vector<WeightSpec> result;
    for (const QuantizeOptions& form : forms_of(recipe.options(layer, id)))
      result.push_back(weight_spec(form, linear_shape(config, id).cols));
    return result;
  };
  const std::vector<BlockCosts> costs =
      rounding_costs({.source = *source.weights, .windows = windows, .forms = specs, .scale_dtype = dtype},
                     backend, progress);

  const std::vector<Item> items = items_of(recipe, config);
  std::vector<std::vector<SizedForm>> sized;
  int64_t budget = budget_bytes(options, config) - linears_bytes(recipe, config, dtype);
  for (const Item& item : items) {
    std::vector<SizedForm>& forms = sized.emplace_back();
    for (const LinearId id : item.ids) {
      const std::vector<WeightSpec> of_layer = specs(item.layer, id);
      forms.resize(of_layer.size());
      for (size_t f = 0; f < forms.size(); ++f) {
        forms[f].bytes += matrix_bytes(linear_shape(config, id), of_layer[f], dtype);
        forms[f].cost += costs[static_cast<size_t>(item.layer)][static_cast<size_t>(id)][f];
      }
    }
    budget += forms.front().bytes;
  }
  const std::vector<size_t> chosen = allocate_bits(sized, budget);
  std::map<std::pair<int, int64_t>, RecipeRule> rules;  // by bits and group size
  for (size_t i = 0; i < items.size(); ++i) {
    if (chosen[i] == 0) continue;
    for (const LinearId id : items[i].ids) {
      const QuantizeOptions form = forms_of(recipe.options(items[i].layer, id))[chosen[i]];
      RecipeRule& rule = rules[{*form.weight_bits, form.group_size.value_or(0)}];
      rule.targets.push_back(module_name(items[i].layer, id));
      rule.bits = form.weight_bits;
      rule.group_size = form.group_size;
      rule.where = kOption;
    }
  }
  QuantizeOptions result = options;
  for (auto& [form, rule] : rules) result.rules.push_back(std::move(rule));
  return result;
}

}  // namespace fptq
