#include <cstdint>
#include <optional>

#include "base/checked.h"
#include "formats/checkpoint.h"
#include "formats/gguf_source.h"
#include "tokenizer/gguf_vocabulary.h"

namespace fptq {
namespace {

std::optional<int32_t> token_id(const GgufMetadata& metadata, const char* key) {
  if (!metadata.contains(key)) return std::nullopt;
  const int64_t id = metadata.get_int(key);
  // Some converters write 2^32 - 1 for "none".
  return id >= 0 && id <= INT32_MAX ? std::optional(static_cast<int32_t>(id)) : std::nullopt;
}

std::optional<bool> flag(const GgufMetadata& metadata, const char* key) {
  return metadata.contains(key) ? std::optional(metadata.get_bool(key)) : std::nullopt;
}

}  // namespace

MaybeTokenizer gguf_tokenizer(const GgufSource& source) {
  const GgufMetadata& metadata = source.file().metadata();
  const std::string& where = source.where();
  if (!metadata.contains("tokenizer.ggml.tokens")) return {nullptr, where};
  GgufVocabulary v;
  v.model = metadata.get_string("tokenizer.ggml.model");
  v.pre = metadata.get_string("tokenizer.ggml.pre", "");
  v.tokens = metadata.get_strings("tokenizer.ggml.tokens");
  if (metadata.contains("tokenizer.ggml.scores")) {
    for (const double s : metadata.get_numbers("tokenizer.ggml.scores"))
      v.scores.push_back(static_cast<float>(s));
  }
  if (metadata.contains("tokenizer.ggml.token_type")) {
    for (const int64_t t : metadata.get_ints("tokenizer.ggml.token_type")) {
      v.token_types.push_back(checked_cast<int32_t>(t, where + ":tokenizer.ggml.token_type"));
    }
  }
  if (metadata.contains("tokenizer.ggml.merges")) v.merges = metadata.get_strings("tokenizer.ggml.merges");
  v.bos = token_id(metadata, "tokenizer.ggml.bos_token_id");
  v.eos = token_id(metadata, "tokenizer.ggml.eos_token_id");
  v.unk = token_id(metadata, "tokenizer.ggml.unknown_token_id");
  v.pad = token_id(metadata, "tokenizer.ggml.padding_token_id");
  v.add_bos = flag(metadata, "tokenizer.ggml.add_bos_token");
  v.add_eos = flag(metadata, "tokenizer.ggml.add_eos_token");
  v.add_space_prefix = flag(metadata, "tokenizer.ggml.add_space_prefix");
  return {Tokenizer::from_gguf(v, where), where};
}

}  // namespace fptq
