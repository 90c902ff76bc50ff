#include "runtime/chat_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "fptq/error.h"

namespace fptq {
namespace {

struct ChatFormat {
  const char* name;
  const char* mark;  // its presence in a template tells the format
  std::string (*write)(std::string_view chat_template, const std::string& system, const std::string& user);
};

// The system message that a ChatML template writes when a conversation has none, as SmolLM2's and Qwen2's do:
// the literal between the two marks. Anything that is computed (quotes or braces inside) does not count.
std::string default_system(std::string_view chat_template) {
  for (const std::string_view begin : {"<|im_start|>system\\n", "<|im_start|>system\n"}) {
    for (size_t at = 0; (at = chat_template.find(begin, at)) != std::string_view::npos;) {
      at += begin.size();
      const size_t end = chat_template.find("<|im_end|>", at);
      if (end == std::string_view::npos) break;
      const std::string_view text = chat_template.substr(at, end - at);
      if (!text.empty() && text.find_first_of("'\"{}") == std::string_view::npos) return std::string(text);
    }
  }
  return {};
}

std::string chatml(std::string_view chat_template, const std::string& system, const std::string& user) {
  const std::string first = system.empty() ? default_system(chat_template) : system;
  return (first.empty() ? "" : fmt::format("<|im_start|>system\n{}<|im_end|>\n", first)) +
         fmt::format("<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n", user);
}

std::string llama3(std::string_view, const std::string& system, const std::string& user) {
  const auto turn = [](const char* role, const std::string& text) {
    return fmt::format("<|start_header_id|>{}<|end_header_id|>\n\n{}<|eot_id|>", role, text);
  };
  return (system.empty() ? "" : turn("system", system)) + turn("user", user) +
         "<|start_header_id|>assistant<|end_header_id|>\n\n";
}

std::string llama2(std::string_view, const std::string& system, const std::string& user) {
  return fmt::format("[INST] {}{} [/INST]",
                     system.empty() ? "" : fmt::format("<<SYS>>\n{}\n<</SYS>>\n\n", system), user);
}

std::string mistral(std::string_view, const std::string& system, const std::string& user) {
  return fmt::format("[INST] {}{} [/INST]", system.empty() ? "" : system + "\n\n", user);
}

std::string zephyr(std::string_view, const std::string& system, const std::string& user) {
  return (system.empty() ? "" : fmt::format("<|system|>\n{}</s>\n", system)) +
         fmt::format("<|user|>\n{}</s>\n<|assistant|>\n", user);
}

// First match wins: a Llama 2 template contains Mistral's mark too.
constexpr std::array<ChatFormat, 5> kFormats = {{
    {"ChatML", "<|im_start|>", chatml},
    {"Llama 3", "<|start_header_id|>", llama3},
    {"Llama 2", "<<SYS>>", llama2},
    {"Mistral", "[INST]", mistral},
    {"Zephyr", "<|assistant|>", zephyr},
}};

}  // namespace

std::string format_chat(std::string_view chat_template, const std::string& system, const std::string& user,
                        const std::string& where) {
  for (const ChatFormat& format : kFormats) {
    if (chat_template.find(format.mark) != std::string_view::npos)
      return format.write(chat_template, system, user);
  }
  std::string known;
  for (const ChatFormat& format : kFormats) known += (known.empty() ? "" : ", ") + std::string(format.name);
  throw Error(ErrorKind::kBadModel, where + ":chat_template",
              chat_template.empty() ? "the model has no chat template"
                                    : fmt::format("is none of the known chat formats ({})", known),
              "generate without --chat and write the markup into the prompt");
}

}  // namespace fptq
