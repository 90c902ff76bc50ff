// Text to ids and back, with a model's own tokenizer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fptq {

class TextCodec {
 public:
  // `model`: a model or just its tokenizer (directory, GGUF).
  explicit TextCodec(const std::string& model);
  ~TextCodec();
  std::vector<int32_t> encode(const std::string& text, bool add_special_tokens = false) const;
  std::string decode(const std::vector<int32_t>& ids, bool skip_special = true) const;
  // The tokenizer as a tokenizer.json, whatever it was read from.
  std::string to_json() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fptq
