// Text to token ids and back, with the ids and the text that Hugging Face's tokenizers gives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/gguf_vocabulary.h"

namespace fptq {

struct EncodeOptions {
  bool add_special_tokens = false;  // what the post-processor puts around a text, such as <s>
  // Special tokens written out in the text are recognised, as Hugging Face does it. When false they are text
  // like any other (for text from strangers); added tokens that are not special are recognised all the same.
  bool parse_special = true;
};

// Byte-level BPE and SentencePiece-style BPE with byte fallback. Immutable after construction, thread-safe.
// Truncation and padding that a tokenizer.json may ask for are not applied.
class Tokenizer {
 public:
  // The contents of a tokenizer.json, of a tokenizer.model, and the metadata of a GGUF. `where` names the
  // file in errors; what is malformed or not supported throws Error(kBadModel).
  static std::shared_ptr<const Tokenizer> from_json(std::string_view tokenizer_json,
                                                    const std::string& where);
  static std::shared_ptr<const Tokenizer> from_sentencepiece(std::string_view model_bytes,
                                                             const std::string& where);
  static std::shared_ptr<const Tokenizer> from_gguf(const GgufVocabulary& vocabulary,
                                                    const std::string& where);
  // tokenizer.json, else tokenizer.model, else vocab.json with merges.txt (as Qwen2 keeps them, or GPT-2
  // where tokenizer_config.json says so); none of them: Error(kBadModel) naming what was looked for.
  static std::shared_ptr<const Tokenizer> from_directory(const std::filesystem::path& dir);

  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Bytes of `text` that are not UTF-8 are read as U+FFFD, as Python's errors="replace" does it. Throws
  // Error(kFailure) when a regular expression of the tokenizer runs out of its step limit on the text.
  std::vector<int32_t> encode(std::string_view text, const EncodeOptions& options = {}) const;
  // Valid UTF-8; ids that mean nothing are passed over. tokenizers decodes a special token that is matched in
  // normalized text as its normalized form, which it then does not count as special; so does this.
  std::string decode(std::span<const int32_t> ids, bool skip_special = true) const;

  int64_t vocab_size() const;  // highest id + 1
  std::optional<int32_t> token_to_id(std::string_view token) const;
  std::string_view id_to_token(int32_t id) const;  // empty when unused
  bool is_special(int32_t id) const;

  // A tokenizer.json that tokenizers loads and that gives the same ids: the original bytes when this came
  // from one, otherwise a new one.
  std::string to_json() const;

 private:
  struct Parts;
  struct ScratchPool;
  explicit Tokenizer(std::unique_ptr<const Parts> parts);

  std::unique_ptr<const Parts> parts_;
  std::unique_ptr<ScratchPool> pool_;
};

// Text of a growing list of ids, for showing a generation as it happens: each piece is complete UTF-8, and a
// code point that is split over tokens waits for its rest. Special tokens are left out. Not thread-safe.
class StreamDecoder {
 public:
  explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer);
  std::string put(int32_t id);
  // What still waits, invalid bytes as U+FFFD; begins a new text.
  std::string flush();

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  // Ids that were shown and can still change what follows, then those that wait.
  std::vector<int32_t> window_;
  size_t shown_ids_ = 0;  // of the window
  std::string shown_;     // their text
  size_t waits_ = 0;      // ids in a row behind which the text was incomplete
};

}  // namespace fptq
