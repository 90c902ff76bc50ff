#include "tokenizer/byte_level_family.h"

namespace fptq {
namespace {

struct Name {
  std::string_view pre;
  ByteLevelFamily family;
};

constexpr Name kNames[] = {{"", ByteLevelFamily::kGpt2},
                           {"default", ByteLevelFamily::kGpt2},
                           {"gpt-2", ByteLevelFamily::kGpt2},
                           {"phi-2", ByteLevelFamily::kGpt2},
                           {"smollm", ByteLevelFamily::kSmolLm},
                           {"starcoder", ByteLevelFamily::kSmolLm},
                           {"llama-bpe", ByteLevelFamily::kLlama3},
                           {"llama3", ByteLevelFamily::kLlama3},
                           {"llama-v3", ByteLevelFamily::kLlama3},
                           {"qwen2", ByteLevelFamily::kQwen2}};

// Llama 3 takes digits by three, Qwen2 one by one; else their words are the same.
std::string words_with_digits(const char* digits) {
  return std::string("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|") + digits +
         "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
}

}  // namespace

std::optional<ByteLevelFamily> byte_level_family(std::string_view gguf_pre) {
  for (const Name& name : kNames) {
    if (name.pre == gguf_pre) return name.family;
  }
  return std::nullopt;
}

std::string_view byte_level_family_names() {
  return "default, gpt-2, phi-2, smollm, starcoder, llama-bpe, llama3, llama-v3, qwen2";
}

void set_byte_level_family(TokenizerJson& tokenizer, ByteLevelFamily family) {
  tokenizer.decoder = byte_level_part(true);
  const auto split_then_bytes = [](const char* digits) {
    return sequence_part("pretokenizers", {split_part(words_with_digits(digits)), byte_level_part(false)});
  };
  switch (family) {
    case ByteLevelFamily::kGpt2:
      tokenizer.pre_tokenizer = byte_level_part(true);
      break;
    case ByteLevelFamily::kSmolLm:
      tokenizer.pre_tokenizer = sequence_part(
          "pretokenizers", {{{"type", "Digits"}, {"individual_digits", true}}, byte_level_part(true)});
      break;
    case ByteLevelFamily::kLlama3:
      tokenizer.pre_tokenizer = split_then_bytes("\\p{N}{1,3}");
      tokenizer.ignore_merges = true;
      break;
    case ByteLevelFamily::kQwen2:
      tokenizer.normalizer = {{"type", "NFC"}};
      tokenizer.pre_tokenizer = split_then_bytes("\\p{N}");
      break;
  }
}

}  // namespace fptq
