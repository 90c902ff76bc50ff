#include "runtime/chat_format.h"

#include <gtest/gtest.h>

#include "fptq/error.h"

namespace fptq {
namespace {

// The template of SmolLM2-135M-Instruct; expected text is what transformers' apply_chat_template gives for
// it.
constexpr const char* kSmolLm2 =
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ "
    "'<|im_start|>system\\nYou are a "
    "helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\\n' }}{% endif %}{{'<|im_start|>' "
    "+ message['role'] "
    "+ '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ "
    "'<|im_start|>assistant\\n' }}{% endif %}";

TEST(ChatFormat, ChatMlTakesTheTemplatesDefaultSystemMessage) {
  EXPECT_EQ(
      format_chat(kSmolLm2, "", "Hi", "m"),
      "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(
      format_chat(kSmolLm2, "Be brief.", "Hi", "m"),
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ChatFormat, ComputedSystemMessageIsNotADefault) {
  EXPECT_EQ(format_chat("{{ '<|im_start|>system\\n' + system + '<|im_end|>' }}", "", "Hi", "m"),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(ChatFormat, Llama2WinsOverMistralByItsSystemMark) {
  EXPECT_EQ(format_chat("[INST] <<SYS>>", "S", "U", "m"), "[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST]");
  EXPECT_EQ(format_chat("[INST]", "S", "U", "m"), "[INST] S\n\nU [/INST]");
}

TEST(ChatFormat, UnknownTemplateIsRefusedWithTheList) {
  try {
    format_chat("{{ something }}", "", "Hi", "config");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kBadModel);
    EXPECT_NE(std::string(e.what()).find("ChatML, Llama 3"), std::string::npos);
  }
  EXPECT_THROW(format_chat("", "", "Hi", "config"), Error);
}

}  // namespace
}  // namespace fptq
