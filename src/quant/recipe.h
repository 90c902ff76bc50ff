// From rules over module names to what holds for each layer of a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fptq/quantize.h"
#include "model/config.h"
#include "model/layout.h"
#include "quant/method.h"

namespace fptq {

// The rules of a run laid over its options, module by module. Immutable and thread-safe.
class LayerRecipe {
 public:
  // Precedence of rules as include/fptq/recipe.h says. Throws Error naming the rule: kUsage for a target that
  // is no module of the model, for options of a layer that check_options() refuses, for layers that read one
  // input and want it in different forms, for what the head cannot be; kBadModel for a regular expression
  // that is not valid. `options` without rules are taken as they are.
  LayerRecipe(const QuantizeOptions& options, const ModelConfig& config);

  // The layer stays dense; its options say nothing then.
  bool ignores(int64_t layer, LinearId id) const { return at(layer, id).ignored; }
  // A rule gave the layer bits, or a scheme, which brings them.
  bool bits_are_ruled(int64_t layer, LinearId id) const { return at(layer, id).bits_are_ruled; }
  // What holds for this layer alone, to be asked as settings.h does; without rules.
  const QuantizeOptions& options(int64_t layer, LinearId id) const { return at(layer, id).options; }
  // Its `head`, group size and symmetry are the head's.
  const QuantizeOptions& head() const { return head_; }

  // "keep" or "int8".
  const std::string& embeddings() const { return embeddings_; }

  // Layers that read `input` and are quantized.
  std::vector<LinearId> quantized(int64_t layer, InputId input) const;

  // What the methods of all layers need together.
  bool needs_calibration() const;
  StatisticsNeeds statistics() const;
  // Behind quantized blocks as soon as one method asks for that.
  bool sequential() const;
  bool needs_original() const;

  // Of learned rounding. It works on a whole block: 0 where not all of its layers are integers of a method
  // that learns.
  int64_t iterations(int64_t layer) const;
  // Of tuning all blocks together. 0 where no method tunes, or a layer's numbers are no integers.
  int64_t tuning_steps() const;
  // Blocks where that keeps some layer's method from learning.
  std::vector<int64_t> blocks_kept_from_learning() const;

 private:
  struct Entry {
    bool ignored = false;
    bool bits_are_ruled = false;
    QuantizeOptions options;
  };

  static size_t index(int64_t layer, LinearId id) {
    return static_cast<size_t>(layer) * kAllLinears.size() + static_cast<size_t>(id);
  }
  const Entry& at(int64_t layer, LinearId id) const { return entries_[index(layer, id)]; }
  // `last` by index(): the rule that changed a layer last, or null.
  void check_inputs(const std::vector<const RecipeRule*>& last) const;
  void ignore_embeddings(const QuantizeOptions& options, const RecipeRule& rule);
  // NF4 stands alone.
  void check_types(const std::vector<const RecipeRule*>& last) const;
  template <typename Holds>
  bool any_method(const Holds& holds) const;

  int64_t layers_;
  std::vector<Entry> entries_;  // by layer, then LinearId
  QuantizeOptions head_;
  std::string embeddings_;
};

}  // namespace fptq
