#include "fptq/tokenize.h"

#include <filesystem>

#include "formats/checkpoint.h"
#include "tokenizer/tokenizer.h"

namespace fptq {

struct TextCodec::Impl {
  std::shared_ptr<const Tokenizer> tokenizer;
};

TextCodec::TextCodec(const std::string& model) : impl_(std::make_unique<Impl>()) {
  impl_->tokenizer = std::filesystem::is_directory(model) ? Tokenizer::from_directory(model)
                                                          : open_checkpoint(model).tokenizer;
}

TextCodec::~TextCodec() = default;

std::vector<int32_t> TextCodec::encode(const std::string& text, bool add_special_tokens) const {
  return impl_->tokenizer->encode(text, {.add_special_tokens = add_special_tokens});
}

std::string TextCodec::decode(const std::vector<int32_t>& ids, bool skip_special) const {
  return impl_->tokenizer->decode(ids, skip_special);
}

std::string TextCodec::to_json() const {
  return impl_->tokenizer->to_json();
}

}  // namespace fptq
