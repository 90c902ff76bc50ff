// Tokenizers that do not come as a tokenizer.json: each is written as one and read.
#include <fmt/format.h>

#include "base/file_io.h"
#include "fptq/error.h"
#include "tokenizer/byte_level_family.h"
#include "tokenizer/sentencepiece_model.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab_and_merges.h"

namespace fptq {
namespace {

const std::string& token_at(const GgufVocabulary& v, int32_t id, const char* name, const std::string& where) {
  if (id < 0 || static_cast<size_t>(id) >= v.tokens.size()) {
    throw Error(ErrorKind::kBadModel, where + ":tokenizer.ggml." + name,
                fmt::format("token id {} of {} tokens", id, v.tokens.size()));
  }
  return v.tokens[static_cast<size_t>(id)];
}

void check_lengths(const GgufVocabulary& v, const std::string& where) {
  if (v.tokens.empty())
    throw Error(ErrorKind::kBadModel, where + ":tokenizer.ggml.tokens", "expected tokens, found none");
  if (!v.token_types.empty() && v.token_types.size() != v.tokens.size()) {
    throw Error(ErrorKind::kBadModel, where + ":tokenizer.ggml.token_type",
                fmt::format("expected {} types, found {}", v.tokens.size(), v.token_types.size()));
  }
}

PieceType type_of(const GgufVocabulary& v, size_t i) {
  return v.token_types.empty() ? PieceType::kNormal : static_cast<PieceType>(v.token_types[i]);
}

TokenizerJson byte_level_json(const GgufVocabulary& v, const std::string& where) {
  const auto family = byte_level_family(v.pre);
  if (!family) {
    throw Error(
        ErrorKind::kBadModel, where + ":tokenizer.ggml.pre",
        fmt::format("pre-tokenizer \"{}\" is not known", v.pre),
        fmt::format("known: {}; or use the Hugging Face directory of the model", byte_level_family_names()));
  }
  TokenizerJson json;
  set_byte_level_family(json, *family);
  for (size_t i = 0; i < v.tokens.size(); ++i) {
    const int32_t id = checked_token_id(static_cast<int64_t>(i), where + ":tokenizer.ggml.tokens");
    json.vocab.emplace_back(v.tokens[i], id);
    const PieceType type = type_of(v, i);
    if (type != PieceType::kControl && type != PieceType::kUnknown && type != PieceType::kUserDefined)
      continue;
    AddedToken added;
    added.id = id;
    added.content = v.tokens[i];
    added.normalized = false;
    added.special = type != PieceType::kUserDefined;
    json.added.push_back(added);
  }
  for (size_t i = 0; i < v.merges.size(); ++i) {
    json.merges.push_back(split_merge(v.merges[i], fmt::format("{}:tokenizer.ggml.merges[{}]", where, i)));
  }
  const bool add_bos = v.add_bos.value_or(*family == ByteLevelFamily::kLlama3);
  if (add_bos && v.bos) json.before.push_back(token_at(v, *v.bos, "bos_token_id", where));
  if (v.add_eos.value_or(false) && v.eos) json.after.push_back(token_at(v, *v.eos, "eos_token_id", where));
  return json;
}

TokenizerJson sentencepiece_json_of(const GgufVocabulary& v, const std::string& where) {
  if (v.scores.size() != v.tokens.size()) {
    throw Error(ErrorKind::kBadModel, where + ":tokenizer.ggml.scores",
                fmt::format("expected {} scores, found {}", v.tokens.size(), v.scores.size()));
  }
  SentencePieces model;
  for (size_t i = 0; i < v.tokens.size(); ++i)
    model.pieces.push_back({v.tokens[i], v.scores[i], type_of(v, i)});
  model.add_dummy_prefix = v.add_space_prefix.value_or(true);
  model.bos = v.bos;
  model.eos = v.eos;
  model.add_bos = v.add_bos.value_or(true);
  model.add_eos = v.add_eos.value_or(false);
  return sentencepiece_json(model, where);
}

}  // namespace

std::shared_ptr<const Tokenizer> Tokenizer::from_sentencepiece(std::string_view model_bytes,
                                                               const std::string& where) {
  return from_json(
      write_tokenizer_json(sentencepiece_json(parse_sentencepiece_model(model_bytes, where), where), where),
      where);
}

std::shared_ptr<const Tokenizer> Tokenizer::from_gguf(const GgufVocabulary& vocabulary,
                                                      const std::string& where) {
  check_lengths(vocabulary, where);
  if (vocabulary.model == "gpt2")
    return from_json(write_tokenizer_json(byte_level_json(vocabulary, where), where), where);
  if (vocabulary.model == "llama") {
    return from_json(write_tokenizer_json(sentencepiece_json_of(vocabulary, where), where), where);
  }
  throw Error(ErrorKind::kBadModel, where + ":tokenizer.ggml.model",
              fmt::format("tokenizer model \"{}\" is not supported", vocabulary.model),
              "supported: gpt2, llama");
}

std::shared_ptr<const Tokenizer> Tokenizer::from_directory(const std::filesystem::path& dir) {
  const auto has = [&](const char* name) {
    std::error_code ignored;  // what cannot be looked at is not there
    return std::filesystem::exists(dir / name, ignored);
  };
  const auto place = [&](const char* name) { return (dir / name).string(); };
  if (has("tokenizer.json"))
    return from_json(read_text_file(dir / "tokenizer.json"), place("tokenizer.json"));
  if (has("tokenizer.model"))
    return from_sentencepiece(read_text_file(dir / "tokenizer.model"), place("tokenizer.model"));
  if (has("vocab.json") && has("merges.txt")) {
    const std::string config =
        has("tokenizer_config.json") ? read_text_file(dir / "tokenizer_config.json") : "{}";
    const TokenizerJson json = vocab_and_merges_json(
        read_text_file(dir / "vocab.json"), read_text_file(dir / "merges.txt"), config, dir.string());
    return from_json(write_tokenizer_json(json, dir.string()), place("vocab.json"));
  }
  throw Error(ErrorKind::kBadModel, dir.string(),
              "no tokenizer: looked for tokenizer.json, tokenizer.model, and vocab.json with merges.txt");
}

}  // namespace fptq
