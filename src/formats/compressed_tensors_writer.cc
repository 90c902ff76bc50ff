#include "formats/compressed_tensors_writer.h"

#include <fmt/format.h>

#include <exception>
#include <map>
#include <optional>

#include "base/file_io.h"
#include "formats/bitsandbytes_config_writer.h"
#include "formats/block_part.h"
#include "formats/folder_companions.h"
#include "formats/manifest.h"
#include "formats/partial_folder.h"
#include "formats/quantization_config_writer.h"
#include "fptq/error.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

const char* dtype_name(DType dtype) {
  return dtype == DType::kF16 ? "float16" : dtype == DType::kBF16 ? "bfloat16" : "float32";
}

uint64_t folder_bytes(const fs::path& folder) {
  uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

void write_json(const fs::path& path, const Json& json) {
  if (!json.is_null()) write_file_atomically(path, json.dump(2) + "\n");
}

}  // namespace

struct CompressedTensorsWriter::Impl {
  Impl(const fs::path& output, const Checkpoint& from, const WriterOptions& opts)
      : source(from),
        options(opts),
        folder((check_output(output, from.path, opts.overwrite), output), opts.fingerprint),
        exceptions(std::uncaught_exceptions()) {
    for (int64_t layer = 0;
         layer < source.weights->config().num_layers && read_block_part(part(layer), options.fingerprint);
         ++layer) {
      finished = layer + 1;
    }
  }

  fs::path part(int64_t layer) const { return folder.path() / fmt::format("block-{:05}.safetensors", layer); }
  void write_weights(const fs::path& result) const;
  void write_descriptions(const fs::path& result, const std::string& model_card,
                          const std::string& recipe_json) const;
  BlockPart open_part(int64_t layer) const;
  std::vector<BlockPart> all_parts() const;

  const Checkpoint& source;
  WriterOptions options;
  PartialFolder folder;
  int exceptions;
  int64_t finished = 0;
  // Quantized.
  std::optional<LinearWeights> head;
  std::optional<LinearWeights> embedding;
  std::map<std::string, Tensor> replaced;  // tensors of parts that the result holds otherwise
  bool published = false;
};

BlockPart CompressedTensorsWriter::Impl::open_part(int64_t layer) const {
  std::optional<BlockPart> read = read_block_part(part(layer), options.fingerprint);
  if (read) return std::move(*read);
  throw Error(ErrorKind::kFailure, part(layer).string(),
              "is missing or was changed while the result was made");
}

std::vector<BlockPart> CompressedTensorsWriter::Impl::all_parts() const {
  std::vector<BlockPart> parts;
  for (int64_t layer = 0; layer < source.weights->config().num_layers; ++layer)
    parts.push_back(open_part(layer));
  return parts;
}

void CompressedTensorsWriter::Impl::write_weights(const fs::path& result) const {
  const WeightSource& weights = *source.weights;
  const ModelConfig& config = weights.config();
  // Dense tensors are converted only when it is their turn: an embedding may be larger than all else that is
  // in memory.
  struct Dense {
    TensorInfo info;
    Tensor source;
  };
  std::vector<Dense> dense;
  const auto add = [&](const char* name, Tensor t) {
    TensorInfo info{name, options.dtype, t.shape()};
    dense.push_back({std::move(info), std::move(t)});
  };
  std::vector<NamedTensor> tables;
  const auto add_quantized = [&](const char* module, const LinearWeights& table) {
    for (NamedTensor& t : linear_tensors(module, table, options.dtype)) tables.push_back(std::move(t));
  };
  if (embedding) {
    add_quantized(kEmbeddingModule, *embedding);
  } else {
    add("model.embed_tokens.weight", weights.embedding());
  }
  add("model.norm.weight", weights.final_norm());
  if (head) {
    add_quantized(kHeadModule, *head);
  } else if (!config.tied_embeddings || embedding) {
    LinearWeights dense_head = weights.head();
    if (!dense_head.spec.dense())
      throw Error(ErrorKind::kFailure, "lm_head", "a quantized head cannot be carried over");
    add("lm_head.weight", std::move(dense_head.weight));
  }

  const std::vector<BlockPart> parts = all_parts();
  std::vector<TensorInfo> infos;
  for (const BlockPart& p : parts) {
    for (const StoredTensor& t : p.file.tensors()) infos.push_back({t.name, t.dtype, t.shape});
  }
  for (const NamedTensor& t : tables) infos.push_back({t.name, t.tensor.dtype(), t.tensor.shape()});
  for (const Dense& d : dense) infos.push_back(d.info);
  SafetensorsWriter writer(result / "model.safetensors", infos);
  for (const BlockPart& p : parts) {
    for (const StoredTensor& t : p.file.tensors()) {
      const auto other = replaced.find(t.name);
      writer.write(t.name, other != replaced.end() ? other->second.bytes() : p.file.tensor(t.name).bytes());
      p.file.release(t.name);
    }
  }
  for (const NamedTensor& t : tables) writer.write(t.name, t.tensor.bytes());
  for (const Dense& d : dense) writer.write(d.info.name, converted(d.source, options.dtype).bytes());
  writer.commit();
}

void CompressedTensorsWriter::Impl::write_descriptions(const fs::path& result, const std::string& model_card,
                                                       const std::string& recipe_json) const {
  const Companions& companions = source.companions;
  if (companions.config.is_null()) {
    throw Error(ErrorKind::kBadModel, source.path.string(),
                "this model's rotary scaling has no form in config.json");
  }
  std::vector<BlockForms> forms;
  for (const BlockPart& p : all_parts()) forms.push_back(p.forms);
  Json config = companions.config;
  config.erase("dtype");  // the name that transformers 5 uses; all releases read the older one
  config["torch_dtype"] = dtype_name(options.dtype);
  std::optional<LinearForm> head_form, embedding_form;
  if (head) head_form = form_of(*head);
  if (embedding) embedding_form = form_of(*embedding);
  if (head || embedding) config["tie_word_embeddings"] = false;
  config["quantization_config"] = has_nf4(forms, head_form)
                                      ? make_bitsandbytes_config(forms, head_form, options.dtype)
                                      : make_quantization_config(forms, head_form, embedding_form);
  write_json(result / "config.json", config);

  Json recipe = parse_json(recipe_json, "fptq_recipe.json");
  recipe["kv_cache"] = recipe_kv_name(options.kv);
  write_json(result / "fptq_recipe.json", recipe);
  write_json(result / "generation_config.json", companions.generation_config);
  write_json(result / "tokenizer_config.json", companions.tokenizer_config);
  if (source.tokenizer) write_file_atomically(result / "tokenizer.json", source.tokenizer->to_json());
  for (const fs::path& file : companions.copied_files) {
    write_file_atomically(result / file.filename(), read_text_file(file));
  }
  write_file_atomically(result / "README.md", model_card);
}

CompressedTensorsWriter::CompressedTensorsWriter(const fs::path& output, const Checkpoint& source,
                                                 const WriterOptions& options, uint64_t expected_bytes)
    : impl_(std::make_unique<Impl>(output, source, options)) {
  // Parts and the assembled file exist side by side for a moment.
  const uint64_t present = folder_bytes(impl_->folder.path());
  const uint64_t needed = 2 * expected_bytes - std::min(present, 2 * expected_bytes);
  const uint64_t available = free_space(impl_->folder.path());
  if (available < needed) {
    if (impl_->finished == 0) impl_->folder.remove();
    throw Error(ErrorKind::kIo, output.string(),
                fmt::format("needs {} MB of free space while it is made, {} MB are there", (needed >> 20) + 1,
                            available >> 20));
  }
}

CompressedTensorsWriter::~CompressedTensorsWriter() {
  if (!impl_->published && std::uncaught_exceptions() > impl_->exceptions) impl_->folder.remove();
}

int64_t CompressedTensorsWriter::finished_blocks() const {
  return impl_->finished;
}

void CompressedTensorsWriter::drop_from(int64_t layer) {
  for (int64_t i = layer; i < impl_->source.weights->config().num_layers; ++i) {
    std::error_code ec;
    fs::remove(impl_->part(i), ec);
    if (ec) throw Error(ErrorKind::kIo, impl_->part(i).string(), "cannot remove: " + ec.message());
  }
  impl_->finished = std::min(impl_->finished, layer);
}

const fs::path& CompressedTensorsWriter::partial_folder() const {
  return impl_->folder.path();
}

void CompressedTensorsWriter::put_block(int64_t layer, std::span<const LinearWeights> linears,
                                        const Tensor& attention_norm, const Tensor& mlp_norm) {
  if (layer != impl_->finished || linears.size() != kAllLinears.size()) {
    throw Error(ErrorKind::kFailure, fmt::format("block {}", layer),
                fmt::format("expected block {} with {} linear layers", impl_->finished, kAllLinears.size()));
  }
  const DType dtype = impl_->options.dtype;
  std::vector<NamedTensor> tensors;
  BlockForms forms;
  for (const LinearId id : kAllLinears) {
    const LinearWeights& linear = linears[static_cast<size_t>(id)];
    for (NamedTensor& t : linear_tensors(module_name(layer, id), linear, dtype))
      tensors.push_back(std::move(t));
    forms[static_cast<size_t>(id)] = form_of(linear);
  }
  tensors.push_back(
      {norm_module_name(layer, NormId::kAttention) + ".weight", converted(attention_norm, dtype)});
  tensors.push_back({norm_module_name(layer, NormId::kMlp) + ".weight", converted(mlp_norm, dtype)});
  write_block_part(impl_->part(layer), tensors, forms, impl_->options.fingerprint);
  impl_->finished = layer + 1;
}

StoredBlock CompressedTensorsWriter::block(int64_t layer) const {
  const BlockPart part = impl_->open_part(layer);
  StoredBlock block;
  for (const LinearId id : kAllLinears) {
    block.linears.push_back(read_linear(part, module_name(layer, id), part.forms[static_cast<size_t>(id)]));
  }
  const auto norm = [&](NormId id) { return part.file.tensor(norm_module_name(layer, id) + ".weight"); };
  block.attention_norm = norm(NormId::kAttention);
  block.mlp_norm = norm(NormId::kMlp);
  return block;
}

void CompressedTensorsWriter::replace_block(int64_t layer, std::span<const LinearWeights> linears,
                                            const Tensor& attention_norm, const Tensor& mlp_norm) {
  const DType dtype = impl_->options.dtype;
  for (const LinearId id : kAllLinears) {
    const LinearWeights& linear = linears[static_cast<size_t>(id)];
    if (!linear.spec.dense()) impl_->replaced[module_name(layer, id) + ".weight_scale"] = linear.scales;
  }
  impl_->replaced[norm_module_name(layer, NormId::kAttention) + ".weight"] = converted(attention_norm, dtype);
  impl_->replaced[norm_module_name(layer, NormId::kMlp) + ".weight"] = converted(mlp_norm, dtype);
}

void CompressedTensorsWriter::put_head(LinearWeights head) {
  impl_->head = std::move(head);
}

void CompressedTensorsWriter::put_embedding(LinearWeights embedding) {
  impl_->embedding = std::move(embedding);
}

uint64_t CompressedTensorsWriter::finish(const std::string& model_card, const std::string& recipe_json,
                                         const std::string& report_json) {
  const int64_t layers = impl_->source.weights->config().num_layers;
  if (impl_->finished != layers) {
    throw Error(ErrorKind::kFailure, "finish",
                fmt::format("{} of {} blocks are written", impl_->finished, layers));
  }
  const fs::path result = impl_->folder.fresh_result_folder();
  impl_->write_weights(result);
  impl_->write_descriptions(result, model_card, recipe_json);
  if (!report_json.empty()) write_file_atomically(result / "fptq_report.json", report_json);
  write_manifest(result);
  const uint64_t bytes = folder_bytes(result);
  impl_->folder.publish(impl_->options.overwrite);
  impl_->published = true;
  return bytes;
}

}  // namespace fptq
