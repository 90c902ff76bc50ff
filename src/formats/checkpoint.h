// Opening a model of any kind, and everything that travels with its weights. A format is one reader/writer
// pair and one row in checkpoint.cc's table.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/json.h"
#include "formats/folder_tensors.h"
#include "model/weight_source.h"
#include "tokenizer/tokenizer.h"

namespace fptq {

// Files and metadata that are carried over to a result. Absent ones are empty.
struct Companions {
  Json config;                // config.json without quantization_config; made from metadata for GGUF
  Json generation_config;     // null when absent
  Json tokenizer_config;      // null when absent; for GGUF made from its metadata (chat template included)
  std::string chat_template;  // Jinja source, empty when the model has none
  // Further files copied as they are (special_tokens_map.json, LICENSE, chat_template.jinja ...).
  std::vector<std::filesystem::path> copied_files;
};

// A model without tokenizer files is whole for everything but text: only using the missing tokenizer is an
// error.
class MaybeTokenizer {
 public:
  MaybeTokenizer() = default;
  MaybeTokenizer(std::shared_ptr<const Tokenizer> tokenizer, std::string where)
      : tokenizer_(std::move(tokenizer)), where_(std::move(where)) {}

  explicit operator bool() const { return tokenizer_ != nullptr; }
  // These throw Error(kBadModel) when there is none.
  const Tokenizer* operator->() const { return get().get(); }
  const Tokenizer& operator*() const { return *get(); }
  operator std::shared_ptr<const Tokenizer>() const { return get(); }

 private:
  const std::shared_ptr<const Tokenizer>& get() const;

  std::shared_ptr<const Tokenizer> tokenizer_;
  std::string where_;
};

struct Checkpoint {
  std::string format;  // "huggingface", "gguf", "compressed-tensors", "bitsandbytes"
  std::filesystem::path path;
  std::shared_ptr<const WeightSource> weights;
  MaybeTokenizer tokenizer;
  Companions companions;
  bool quantized = false;
  bool integer_layers = false;  // some layers have integer weights and inputs, which kernels want packed
  KvType kv = KvType::kFloat;   // the cache that the checkpoint asks for
  uint64_t file_bytes = 0;      // of the weights
  std::vector<std::string> warnings;  // e.g. custom code present and ignored
};

// `path` is a Hugging Face directory or a GGUF file. Throws Error(kIo) when it is not there, Error(kBadModel)
// naming what is wrong with it. Without value checks (quantized folders only) no weight is touched.
Checkpoint open_checkpoint(const std::filesystem::path& path, ValueChecks checks = ValueChecks::kAll);

}  // namespace fptq
