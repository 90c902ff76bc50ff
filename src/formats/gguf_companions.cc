#include <fmt/format.h>

#include "formats/checkpoint.h"
#include "formats/gguf_source.h"
#include "model/family.h"

namespace fptq {
namespace {

// Index into the vocabulary, or -1 when the file names none or one that does not exist.
int64_t token_id(const GgufMetadata& metadata, const char* key, size_t vocabulary) {
  const int64_t id = metadata.get_int(key, -1);
  return id >= 0 && static_cast<uint64_t>(id) < vocabulary ? id : -1;
}

struct SpecialToken {
  const char* name;
  const char* key;
};
constexpr SpecialToken kSpecialTokens[] = {{"bos_token", "tokenizer.ggml.bos_token_id"},
                                           {"eos_token", "tokenizer.ggml.eos_token_id"},
                                           {"unk_token", "tokenizer.ggml.unknown_token_id"},
                                           {"pad_token", "tokenizer.ggml.padding_token_id"}};

Json tokenizer_config(const GgufMetadata& metadata, const ModelConfig& config,
                      const std::string& chat_template) {
  const std::vector<std::string> tokens = metadata.get_strings("tokenizer.ggml.tokens");
  Json json = Json::object();
  for (const SpecialToken& special : kSpecialTokens) {
    const int64_t id = token_id(metadata, special.key, tokens.size());
    if (id >= 0) json[special.name] = tokens[static_cast<size_t>(id)];
  }
  if (metadata.contains("tokenizer.ggml.add_bos_token")) {
    json["add_bos_token"] = metadata.get_bool("tokenizer.ggml.add_bos_token");
  }
  if (metadata.contains("tokenizer.ggml.add_eos_token")) {
    json["add_eos_token"] = metadata.get_bool("tokenizer.ggml.add_eos_token");
  }
  if (!chat_template.empty()) json["chat_template"] = chat_template;
  json["clean_up_tokenization_spaces"] = false;
  json["model_max_length"] = config.max_position;
  json["tokenizer_class"] = "PreTrainedTokenizerFast";
  return json;
}

Json generation_config(const GgufMetadata& metadata, const ModelConfig& config) {
  Json json = {{"_from_model_config", true}};
  if (config.bos_id >= 0) json["bos_token_id"] = config.bos_id;
  if (config.eos_ids.size() == 1) json["eos_token_id"] = config.eos_ids.front();
  if (config.eos_ids.size() > 1) json["eos_token_id"] = config.eos_ids;
  const int64_t pad = metadata.get_int("tokenizer.ggml.padding_token_id", -1);
  if (pad >= 0) json["pad_token_id"] = pad;
  return json;
}

}  // namespace

Companions gguf_companions(const GgufSource& source) {
  const GgufMetadata& metadata = source.file().metadata();
  const ModelConfig& config = source.config();
  Companions out;
  // Factors that no config.json can express do not keep a model from running, only from being written.
  if (config.rope.frequency_factors.empty()) out.config = to_config_json(config);
  out.chat_template = metadata.get_string("tokenizer.chat_template", "");
  out.generation_config = generation_config(metadata, config);
  if (metadata.contains("tokenizer.ggml.tokens")) {
    out.tokenizer_config = tokenizer_config(metadata, config, out.chat_template);
  }
  return out;
}

}  // namespace fptq
