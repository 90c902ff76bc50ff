#include "api/quantize_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/hash.h"
#include "base/json.h"
#include "fptq/error.h"
#include "fptq/version.h"
#include "quant/calibration.h"
#include "quant/group_size.h"
#include "quant/method.h"
#include "quant/preset.h"
#include "quant/quantized_head.h"
#include "quant/settings.h"
#include "quant/static_range.h"

namespace fptq {
namespace fs = std::filesystem;

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const Method& method : methods()) names.emplace_back(method.name);
  return names;
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& p : presets()) names.emplace_back(p.name);
  return names;
}

std::vector<std::string> scheme_names() {
  std::vector<std::string> names;
  for (const Scheme& scheme : schemes()) names.emplace_back(scheme.name);
  return names;
}

std::vector<std::string> observer_names() {
  return range_observer_names();
}

Checkpoint open_source(const std::string& model) {
  Checkpoint checkpoint = open_checkpoint(model);
  if (checkpoint.quantized) {
    throw Error(ErrorKind::kBadModel, model, fmt::format("is already quantized ({})", checkpoint.format),
                "quantize the original model instead");
  }
  return checkpoint;
}

namespace {

const char* form_name(ActivationForm form) {
  switch (form) {
    case ActivationForm::kByMethod:
      return "by method";
    case ActivationForm::kFloat:
      return "float";
    case ActivationForm::kToken:
      return "token";
    case ActivationForm::kStatic:
      return "static";
  }
  return "";
}

// bitsandbytes' scales: a float32 for each block, or a byte with a float32 for 256 of them; and its tables
// and description, which stand beside each matrix.
int64_t nf4_bytes(const MatrixShape& shape, const WeightSpec& spec) {
  const int64_t weights = shape.rows * shape.cols, blocks = (weights + spec.group_size - 1) / spec.group_size;
  const int64_t outer = (blocks + NestedScales::kBlock - 1) / NestedScales::kBlock;
  constexpr int64_t kTable = 4 * 16, kNestedTable = 4 * 256, kDescription = 192;
  return (weights + 1) / 2 + kTable + kDescription +
         (spec.nested ? blocks + 4 * outer + kNestedTable : 4 * blocks);
}

Json to_json(const RecipeRule& rule) {
  Json json = {{"targets", rule.targets}};
  if (rule.method) json["method"] = *rule.method;
  if (rule.scheme) json["scheme"] = *rule.scheme;
  if (rule.bits) json["bits"] = *rule.bits;
  if (rule.group_size) json["group_size"] = *rule.group_size;
  if (rule.symmetric) json["symmetric"] = *rule.symmetric;
  if (rule.ignore) json["ignore"] = true;
  return json;
}

// What the rules came to, layer by layer.
Json effective_layers(const LayerRecipe& recipe, const ModelConfig& config) {
  Json layers = Json::array();
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    for (const LinearId id : kAllLinears) {
      Json entry = {{"module", module_name(layer, id)}};
      if (recipe.ignores(layer, id)) {
        entry["ignore"] = true;
      } else {
        const QuantizeOptions& o = recipe.options(layer, id);
        entry["method"] = method_of(o).name;
        entry["scheme"] = o.scheme;
        entry["bits"] = weight_bits(o);
        entry["group_size"] = wanted_group_size(o);
        entry["symmetric"] = o.symmetric;
      }
      layers.push_back(std::move(entry));
    }
  }
  return layers;
}

}  // namespace

int64_t matrix_bytes(const MatrixShape& shape, const WeightSpec& spec, DType dtype) {
  if (spec.type == CodeType::kNormalFloat4) return nf4_bytes(shape, spec);
  const int64_t groups = spec.group_size == 0 ? 1 : shape.cols / spec.group_size;
  int64_t bytes = shape.rows * (spec.bits == 8 ? shape.cols : packed_row_bytes(shape.cols, spec.bits));
  const auto scale_bytes = static_cast<int64_t>(dtype_info(dtype).block_bytes);
  if (spec.per_tensor) return bytes + scale_bytes + (spec.symmetric ? 0 : 1);
  bytes += shape.rows * groups * scale_bytes;
  if (!spec.symmetric) bytes += (shape.rows * spec.bits + 31) / 32 * 4 * groups;
  return bytes;
}

int64_t linears_bytes(const LayerRecipe& recipe, const ModelConfig& config, DType dtype) {
  int64_t bytes = 0;
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    for (const LinearId id : kAllLinears) {
      const MatrixShape shape = linear_shape(config, id);
      bytes += recipe.ignores(layer, id)
                   ? shape.rows * shape.cols * static_cast<int64_t>(dtype_info(dtype).block_bytes)
                   : matrix_bytes(shape, weight_spec(recipe.options(layer, id), shape.cols), dtype);
    }
  }
  return bytes;
}

std::optional<WeightSpec> head_form(const ModelConfig& config, const QuantizeOptions& options) {
  return head_weight_spec(LayerRecipe(options, config).head(), config.hidden_size);
}

std::optional<WeightSpec> embedding_form(const ModelConfig& config, const QuantizeOptions& options) {
  return head_spec(LayerRecipe(options, config).embeddings(), config.hidden_size, kUsualGroupSize, true);
}

int64_t block_weights(const ModelConfig& config) {
  int64_t weights = 0;
  for (const LinearId id : kAllLinears)
    weights += linear_shape(config, id).rows * linear_shape(config, id).cols;
  return weights;
}

int64_t dense_weights(const ModelConfig& config) {
  const int64_t tables = config.tied_embeddings ? 1 : 2;
  return tables * config.vocab_size * config.hidden_size + (2 * config.num_layers + 1) * config.hidden_size;
}

uint64_t dense_bytes(const ModelConfig& config) {
  return static_cast<uint64_t>(config.num_layers * block_weights(config) + dense_weights(config)) *
         dtype_info(config.dtype).block_bytes;
}

uint64_t output_bytes(const ModelConfig& config, const QuantizeOptions& options, DType dtype) {
  const auto each = static_cast<int64_t>(dtype_info(dtype).block_bytes);
  int64_t bytes = linears_bytes(LayerRecipe(options, config), config, dtype) + dense_weights(config) * each;
  const MatrixShape shape{config.vocab_size, config.hidden_size};
  const int64_t dense_table = shape.rows * shape.cols * each;
  const std::optional<WeightSpec> head = head_form(config, options),
                                  embedding = embedding_form(config, options);
  if (head) bytes += matrix_bytes(shape, *head, dtype);
  if (head && !config.tied_embeddings) bytes -= dense_table;
  if (embedding) bytes += matrix_bytes(shape, *embedding, dtype) - dense_table;
  // A head that was tied stands beside an embedding of codes.
  if (embedding && !head && config.tied_embeddings) bytes += dense_table;
  return static_cast<uint64_t>(bytes);
}

double bits_per_weight(const ModelConfig& config, const QuantizeOptions& options, DType dtype) {
  return 8.0 * static_cast<double>(linears_bytes(LayerRecipe(options, config), config, dtype)) /
         static_cast<double>(config.num_layers * block_weights(config));
}

std::string run_fingerprint(const Checkpoint& source, const QuantizeOptions& options,
                            const std::vector<std::vector<int32_t>>& calibration) {
  std::vector<std::string> files;
  const auto describe = [&](const fs::path& file) {
    files.push_back(fmt::format("{} {} {}", file.filename().string(), fs::file_size(file),
                                fs::last_write_time(file).time_since_epoch().count()));
  };
  if (fs::is_directory(source.path)) {
    for (const auto& entry : fs::directory_iterator(source.path)) {
      if (entry.is_regular_file()) describe(entry.path());
    }
  } else {
    describe(source.path);
  }
  std::sort(files.begin(), files.end());
  Hasher hasher;
  for (const std::string& file : files) hasher.add(file).add("\n");
  QuantizeReport nothing_yet;
  hasher.add(recipe_json(options, source.weights->config(), nothing_yet))
      .add(options.eval_text)
      .add(options.evaluate ? "probe" : "")
      .add(version_string());
  for (const auto& window : calibration) hasher.add(std::as_bytes(std::span(window)));
  return hasher.hex();
}

std::string recipe_json(const QuantizeOptions& options, const ModelConfig& config,
                        const QuantizeReport& report) {
  const CalibrationOptions c = calibration_options(options);
  const ActivationForm form = activation_form(options);
  const LayerRecipe layers(options, config);
  Json recipe = {{"schema", "fptq.recipe.v1"},
                 {"fptq_version", version_string()},
                 {"method", options.method},
                 {"preset", options.preset},
                 {"scheme", options.scheme},
                 {"weights",
                  {{"bits", weight_bits(options)},
                   {"group_size", wanted_group_size(options)},
                   {"per_tensor", options.per_tensor},
                   {"symmetric", options.symmetric}}},
                 {"activations",
                  {{"bits", form == ActivationForm::kFloat ? 16 : find_scheme(options.scheme).input.bits},
                   {"form", form_name(form)},
                   {"static_threshold", options.static_threshold},
                   {"dynamic_threshold", options.dynamic_threshold},
                   {"alpha", options.alpha ? Json(*options.alpha) : Json("search")},
                   {"observer", options.observer},
                   {"percentile", options.percentile}}},
                 {"head", layers.head().head},
                 {"embeddings", layers.embeddings()},
                 {"kv_cache", options.kv == "f32" ? "float" : options.kv},
                 {"dtype", options.dtype},
                 {"calibration",
                  {{"source", c.source},
                   {"nsamples", windows_wanted(c)},
                   {"seqlen", c.seqlen},
                   {"seed", c.seed},
                   {"draw_at_random", c.draw_at_random}}}};
  if (options.bits_per_weight) recipe["bits_per_weight"] = *options.bits_per_weight;
  if (!options.rules.empty()) {
    for (const RecipeRule& rule : options.rules) recipe["rules"].push_back(to_json(rule));
    recipe["layers"] = effective_layers(layers, config);
  }
  Json decisions = Json::array();
  for (const InputDecision& d : report.inputs) {
    decisions.push_back({{"layer", d.layer},
                         {"input", d.input},
                         {"v", d.v},
                         {"equalized", d.equalized},
                         {"activation", d.activation},
                         {"reason", d.reason}});
  }
  if (!decisions.empty()) recipe["decisions"] = std::move(decisions);
  return recipe.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace fptq
