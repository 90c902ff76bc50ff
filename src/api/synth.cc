#include "fptq/synth.h"

#include <fmt/format.h>

#include <cmath>

#include "api/engine.h"
#include "api/held_out_text.h"
#include "api/synth/shapes.h"
#include "api/synth/tokenizer.h"
#include "api/synth/weights.h"
#include "base/file_io.h"
#include "formats/block_part.h"
#include "formats/manifest.h"
#include "formats/partial_folder.h"
#include "formats/quantization_config_writer.h"
#include "fptq/error.h"
#include "fptq/version.h"
#include "model/family.h"
#include "model/shapes.h"
#include "quant/grid.h"
#include "quant/group_size.h"
#include "quant/quantized_head.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kMerges = 766;  // with bytes and special tokens, a vocabulary of 1024
constexpr double kEmbeddingDeviation = 0.02;

// Streams of random numbers: tensors beside the blocks, then seven for each block.
enum Stream : uint64_t { kEmbedding, kHead, kFirstBlock = 16 };

uint64_t stream_of(int64_t layer, LinearId id) {
  return kFirstBlock + static_cast<uint64_t>(layer) * kAllLinears.size() + static_cast<uint64_t>(id);
}

// What FPTQ decides on SmolLM2-135M: all inputs are static but those of down_proj, of which three in five are
// scaled per token.
ActivationSpec activation_of(int64_t layer, LinearId id) {
  ActivationSpec spec;
  const InputId input = input_of(id);
  if (input == InputId::kDown && layer % 5 >= 2) {
    spec.mode = ActivationMode::kDynamicToken;
    return spec;
  }
  spec.mode = ActivationMode::kStaticTensor;
  // Largest |x| that weights of these deviations bring about.
  const float largest = input == InputId::kO ? 4.0f : input == InputId::kDown ? 12.0f : 6.0f;
  spec.scale = round_to_dtype(largest / 127.5f, DType::kBF16);
  return spec;
}

// Keeps the variance of a layer's input; the two layers that add to the residual stream share it among all.
double deviation_of(const ModelConfig& config, LinearId id) {
  const double width = static_cast<double>(linear_shape(config, id).cols);
  const bool adds = id == LinearId::kO || id == LinearId::kDown;
  return 1 / std::sqrt(width * (adds ? 2.0 * static_cast<double>(config.num_layers) : 1.0));
}

Tensor norm_weights(int64_t width) {
  std::byte* data = nullptr;
  Tensor out = Tensor::allocate(DType::kBF16, {width}, &data);
  const std::vector<float> ones(static_cast<size_t>(width), 1.0f);
  encode_row(DType::kBF16, ones.data(), data, width);
  return out;
}

class Synthesis {
 public:
  Synthesis(const SynthOptions& options, const ModelConfig& config, int64_t tokenizer_vocab, ThreadPool& pool)
      : options_(options), config_(config), tokenizer_vocab_(tokenizer_vocab), random_(options.seed, pool) {}

  bool quantizes() const { return options_.scheme == "w4a8"; }

  void write_weights(const fs::path& path, Progress& progress) const;
  std::vector<BlockForms> forms() const;
  std::optional<LinearForm> head_form() const {
    const std::optional<WeightSpec> spec = head();
    if (!spec) return std::nullopt;
    return LinearForm{*spec, ActivationMode::kDynamicToken, true};
  }

 private:
  WeightSpec spec(LinearId id) const {
    return {4, resolve_group_size(linear_shape(config_, id).cols, options_.group_size).size,
            options_.symmetric};
  }
  std::optional<WeightSpec> head() const {
    if (!quantizes()) return std::nullopt;
    return head_spec(options_.head, config_.hidden_size, options_.group_size, options_.symmetric);
  }
  std::vector<TensorInfo> layout() const;
  std::vector<NamedTensor> tensors_of(int64_t layer, LinearId id) const;
  std::vector<NamedTensor> head_tensors(LinearWeights head) const {
    head.activation.mode = ActivationMode::kDynamicToken;
    return linear_tensors(kHeadModule, head, DType::kBF16);
  }
  Tensor table(Stream stream) const {
    // Ids that the tokenizer lacks are made unlikely.
    return random_.dense(stream, config_.vocab_size, config_.hidden_size, kEmbeddingDeviation,
                         tokenizer_vocab_);
  }

  const SynthOptions& options_;
  const ModelConfig& config_;
  int64_t tokenizer_vocab_;
  RandomWeights random_;
};

std::vector<BlockForms> Synthesis::forms() const {
  std::vector<BlockForms> out(static_cast<size_t>(config_.num_layers));
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    for (const LinearId id : kAllLinears) {
      out[static_cast<size_t>(layer)][static_cast<size_t>(id)] = {spec(id), activation_of(layer, id).mode,
                                                                  true};
    }
  }
  return out;
}

std::vector<NamedTensor> Synthesis::tensors_of(int64_t layer, LinearId id) const {
  const auto [rows, cols] = linear_shape(config_, id);
  const uint64_t stream = stream_of(layer, id);
  const double deviation = deviation_of(config_, id);
  LinearWeights linear;
  if (quantizes()) {
    linear = random_.quantized(stream, rows, cols, deviation, spec(id), rows);
    linear.activation = activation_of(layer, id);
  } else {
    linear.rows = rows;
    linear.cols = cols;
    linear.weight = random_.dense(stream, rows, cols, deviation, rows);
  }
  return linear_tensors(module_name(layer, id), linear, DType::kBF16);
}

// Names and shapes of all tensors; the file is laid out before the first of them exists.
std::vector<TensorInfo> Synthesis::layout() const {
  std::vector<TensorInfo> out;
  const auto add = [&](const std::string& name, Shape shape) {
    out.push_back({name, DType::kBF16, std::move(shape)});
  };
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    for (const LinearId id : kAllLinears) {
      const auto [rows, cols] = linear_shape(config_, id);
      if (!quantizes()) {
        add(module_name(layer, id) + ".weight", {rows, cols});
        continue;
      }
      LinearWeights blank = blank_quantized(rows, cols, spec(id));
      blank.activation = activation_of(layer, id);
      for (const NamedTensor& t : linear_tensors(module_name(layer, id), blank, DType::kBF16)) {
        out.push_back({t.name, t.tensor.dtype(), t.tensor.shape()});
      }
    }
    for (const NormId id : {NormId::kAttention, NormId::kMlp}) {
      add(norm_module_name(layer, id) + ".weight", {config_.hidden_size});
    }
  }
  add("model.norm.weight", {config_.hidden_size});
  add("model.embed_tokens.weight", {config_.vocab_size, config_.hidden_size});
  if (const std::optional<WeightSpec> spec = head()) {
    for (const NamedTensor& t :
         head_tensors(blank_quantized(config_.vocab_size, config_.hidden_size, *spec))) {
      out.push_back({t.name, t.tensor.dtype(), t.tensor.shape()});
    }
  } else if (!config_.tied_embeddings) {
    add("lm_head.weight", {config_.vocab_size, config_.hidden_size});
  }
  return out;
}

void Synthesis::write_weights(const fs::path& path, Progress& progress) const {
  SafetensorsWriter writer(path, layout());
  const Tensor norm = norm_weights(config_.hidden_size);
  progress.begin("write", config_.num_layers);
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    for (const LinearId id : kAllLinears) {
      for (const NamedTensor& t : tensors_of(layer, id)) writer.write(t.name, t.tensor.bytes());
    }
    for (const NormId id : {NormId::kAttention, NormId::kMlp}) {
      writer.write(norm_module_name(layer, id) + ".weight", norm.bytes());
    }
    progress.update(layer + 1, fmt::format("layer {}", layer));
  }
  progress.end();
  writer.write("model.norm.weight", norm.bytes());
  writer.write("model.embed_tokens.weight", table(kEmbedding).bytes());
  if (const std::optional<WeightSpec> spec = head()) {
    for (const NamedTensor& t : head_tensors(random_.quantized(
             kHead, config_.vocab_size, config_.hidden_size, kEmbeddingDeviation, *spec, tokenizer_vocab_))) {
      writer.write(t.name, t.tensor.bytes());
    }
  } else if (!config_.tied_embeddings) {
    writer.write("lm_head.weight", table(kHead).bytes());
  }
  writer.commit();
}

Json recipe(const SynthOptions& options, int64_t layers) {
  Json out = {{"schema", "fptq.synth_recipe.v1"}, {"fptq_version", version_string()},
              {"shape", options.shape},           {"layers", layers},
              {"scheme", options.scheme},         {"seed", options.seed}};
  if (options.scheme == "w4a8") {
    out["weights"] = {{"bits", 4}, {"group_size", options.group_size}, {"symmetric", options.symmetric}};
    out["head"] = options.head;
  }
  return out;
}

void check(const SynthOptions& options) {
  if (options.scheme != "w4a8" && options.scheme != "bf16") {
    throw Error(ErrorKind::kUsage, "--scheme", fmt::format("\"{}\" is none of w4a8, bf16", options.scheme));
  }
  if (options.layers < 0 || options.layers > 1000) {
    throw Error(ErrorKind::kUsage, "--layers", fmt::format("{} is not in 0..1000", options.layers));
  }
  check_group_size(options.group_size);
}

uint64_t folder_bytes(const fs::path& folder) {
  uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) bytes += entry.file_size();
  return bytes;
}

int64_t parameters_of(const ModelConfig& config) {
  const int64_t tables = config.tied_embeddings ? 1 : 2;
  int64_t block = 2 * config.hidden_size;
  for (const LinearId id : kAllLinears)
    block += linear_shape(config, id).rows * linear_shape(config, id).cols;
  return config.num_layers * block + tables * config.vocab_size * config.hidden_size + config.hidden_size;
}

}  // namespace

std::vector<std::string> synth_shape_names() {
  std::vector<std::string> names;
  for (const SynthShape& shape : synth_shapes()) names.emplace_back(shape.name);
  return names;
}

SynthReport synthesize(const std::string& output, const SynthOptions& options, Progress& progress) {
  const double start = seconds_now();
  check(options);
  const SynthShape& shape = find_synth_shape(options.shape);
  const auto pool = make_pool(options.threads);
  const int64_t layers = options.layers == 0 ? shape.layers : options.layers;
  Json config_json = synth_config(shape, layers);
  const ModelConfig config = find_family(config_json, "config.json").from_json(config_json, "config.json");
  const SynthTokenizer tokenizer = train_synth_tokenizer(held_out_text(), kMerges);
  const Synthesis synthesis(options, config, tokenizer.vocab_size, *pool);
  if (synthesis.quantizes()) {
    const std::optional<LinearForm> head = synthesis.head_form();
    config_json["quantization_config"] = make_quantization_config(synthesis.forms(), head);
    if (head) config_json["tie_word_embeddings"] = false;
  }

  check_output(output, {}, options.overwrite);
  const std::string described = recipe(options, layers).dump(2) + "\n";
  PartialFolder folder(output, described);
  SynthReport report;
  try {
    const fs::path result = folder.fresh_result_folder();
    synthesis.write_weights(result / "model.safetensors", progress);
    write_file_atomically(result / "config.json", config_json.dump(2) + "\n");
    write_file_atomically(result / "tokenizer.json", tokenizer.json);
    write_file_atomically(result / "fptq_recipe.json", described);
    write_file_atomically(
        result / "README.md",
        fmt::format("# Random weights in the shape of {}\n\nMade by `fptq synth` to measure "
                    "speed and memory. This is not a language model.\n",
                    options.shape));
    write_manifest(result);
    report.output_bytes = folder_bytes(result);
    folder.publish(options.overwrite);
  } catch (...) {
    folder.remove();
    throw;
  }
  report.shape = options.shape;
  report.scheme = options.scheme;
  report.output = output;
  report.layers = layers;
  report.parameters = parameters_of(config);
  report.vocab_size = config.vocab_size;
  report.tokenizer_vocab = tokenizer.vocab_size;
  report.seconds = seconds_now() - start;
  report.peak_rss_bytes = peak_rss_bytes();
  return report;
}

}  // namespace fptq
