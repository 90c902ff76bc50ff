#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <mutex>

#include "base/json.h"
#include "fptq/error.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe_model.h"
#include "tokenizer/decoder.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pieces.h"
#include "tokenizer/post_processor.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/utf8.h"

namespace fptq {

struct Tokenizer::Parts {
  Parts(std::string_view source_text, const Json& json, const std::string& where);

  std::string source;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  BpeModel model;
  AddedTokens added;
  PostProcessor post_processor;
  Decoder decoder;
  // By id: what decode() hands to the decoder, and whether it leaves it out with skip_special.
  std::vector<std::string_view> decoded;
  std::vector<bool> skipped;
};

namespace {

// What one call of encode() needs beside the tokenizer.
struct Scratch {
  BpeModel::Scratch model;
  Pieces pieces;
  std::string normalized;
  std::vector<AddedTokens::Part> raw_parts, normalized_parts;

  // Buffers grow with the text; those of a very long one are not kept. The cache is.
  void release_buffers() {
    model.merging = {};
    pieces = {};
    normalized = {};
    raw_parts = {};
    normalized_parts = {};
  }
};

const Json& model_of(const Json& json, const std::string& where) {
  const Json* model = json_find(json, "model");
  if (model == nullptr)
    throw Error(ErrorKind::kBadModel, where + ":model", "expected an object, found nothing");
  return *model;
}

}  // namespace

// Scratch memory keeps its word cache from call to call; each thread that encodes at the same time has its
// own.
struct Tokenizer::ScratchPool {
  std::mutex mutex;
  std::vector<std::unique_ptr<Scratch>> free;

  std::unique_ptr<Scratch> take() {
    const std::lock_guard lock(mutex);
    if (free.empty()) return std::make_unique<Scratch>();
    auto scratch = std::move(free.back());
    free.pop_back();
    return scratch;
  }
  void give(std::unique_ptr<Scratch> scratch) {
    constexpr size_t kMostKept = 64;
    const std::lock_guard lock(mutex);
    if (free.size() < kMostKept) free.push_back(std::move(scratch));
  }
};

Tokenizer::Parts::Parts(std::string_view source_text, const Json& json, const std::string& where)
    : source(source_text),
      normalizer(json_find(json, "normalizer"), where + ":normalizer"),
      pre_tokenizer(json_find(json, "pre_tokenizer"), where + ":pre_tokenizer"),
      model(model_of(json, where), pre_tokenizer.ends_in_byte_level(), where + ":model"),
      added(json_find(json, "added_tokens"), model.vocabulary(), normalizer, where + ":added_tokens"),
      post_processor(json_find(json, "post_processor"), where + ":post_processor"),
      decoder(json_find(json, "decoder"), where + ":decoder") {
  int32_t end = model.vocabulary().end_id();
  for (const AddedToken& token : added.tokens()) end = std::max(end, token.id + 1);
  decoded.resize(static_cast<size_t>(end));
  skipped.resize(static_cast<size_t>(end));
  for (int32_t id = 0; id < end; ++id) {
    const auto i = static_cast<size_t>(id);
    const AddedToken* token = added.find_id(id);
    decoded[i] = token == nullptr ? model.vocabulary().token(id) : added.decoded(*token);
    skipped[i] = added.is_special_content(decoded[i]);
  }
}

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts)
    : parts_(std::move(parts)), pool_(std::make_unique<ScratchPool>()) {}
Tokenizer::~Tokenizer() = default;

std::shared_ptr<const Tokenizer> Tokenizer::from_json(std::string_view tokenizer_json,
                                                      const std::string& where) {
  const Json json = parse_json(tokenizer_json, where);
  if (!json.is_object()) throw Error(ErrorKind::kBadModel, where, "expected a JSON object");
  return std::shared_ptr<const Tokenizer>(
      new Tokenizer(std::make_unique<const Parts>(tokenizer_json, json, where)));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  const Parts& p = *parts_;
  std::string replaced;
  text = valid_utf8_or_replaced(text, replaced);

  std::unique_ptr<Scratch> scratch = pool_->take();
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 4 + 16);
  p.added.find_in_raw(text, options.parse_special, scratch->raw_parts);
  for (const AddedTokens::Part& raw : scratch->raw_parts) {
    if (raw.id >= 0) {
      ids.push_back(raw.id);
      continue;
    }
    std::string_view part = text.substr(raw.span.begin, raw.span.end - raw.span.begin);
    if (!p.normalizer.is_identity()) {
      scratch->normalized = part;
      p.normalizer.normalize(scratch->normalized);
      part = scratch->normalized;
    }
    p.added.find_in_normalized(part, options.parse_special, scratch->normalized_parts);
    for (const AddedTokens::Part& piece : scratch->normalized_parts) {
      if (piece.id >= 0) {
        ids.push_back(piece.id);
        continue;
      }
      const bool at_start = raw.span.begin == 0 && piece.span.begin == 0;
      scratch->pieces.reset(part.substr(piece.span.begin, piece.span.end - piece.span.begin), at_start);
      p.pre_tokenizer.cut(scratch->pieces, p.model.takes_bytes());
      for (const Span& word : scratch->pieces.spans())
        p.model.encode(scratch->pieces.piece(word), ids, scratch->model);
    }
  }
  constexpr size_t kLongText = size_t{1} << 20;
  if (text.size() > kLongText) scratch->release_buffers();
  pool_->give(std::move(scratch));
  return p.post_processor.process(std::move(ids), options.add_special_tokens);
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  StringList tokens;
  for (const int32_t id : ids) {
    if (id < 0 || static_cast<size_t>(id) >= parts_->decoded.size()) continue;
    const auto i = static_cast<size_t>(id);
    if (parts_->decoded[i].empty() || (skip_special && parts_->skipped[i])) continue;
    tokens.add(parts_->decoded[i]);
  }
  return parts_->decoder.decode(std::move(tokens));
}

int64_t Tokenizer::vocab_size() const {
  return static_cast<int64_t>(parts_->decoded.size());
}

std::optional<int32_t> Tokenizer::token_to_id(std::string_view token) const {
  if (const AddedToken* added = parts_->added.find_content(token)) return added->id;
  const int32_t id = parts_->model.vocabulary().id(token);
  return id < 0 ? std::nullopt : std::optional(id);
}

std::string_view Tokenizer::id_to_token(int32_t id) const {
  if (const AddedToken* added = parts_->added.find_id(id)) return added->content;
  return parts_->model.vocabulary().token(id);
}

bool Tokenizer::is_special(int32_t id) const {
  const AddedToken* added = parts_->added.find_id(id);
  return added != nullptr && added->special;
}

std::string Tokenizer::to_json() const {
  return parts_->source;
}

}  // namespace fptq
