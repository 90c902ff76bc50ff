#include "api/evaluation_text.h"

#include <fmt/format.h>

#include "api/engine.h"
#include "api/held_out_text.h"
#include "fptq/error.h"

namespace fptq {

std::string evaluation_text(const std::string& path) {
  return path.empty() ? std::string(held_out_text()) : read_text(path);
}

std::string evaluation_text_name(const std::string& path) {
  return path.empty() ? "Aesop's fables (built in)" : path;
}

void check_max_tokens(int64_t max_tokens) {
  if (max_tokens < 0) throw Error(ErrorKind::kUsage, "--max-tokens", "is negative");
}

std::vector<int32_t> first_tokens(const Tokenizer& tokenizer, const std::string& text, int64_t max_tokens) {
  std::vector<int32_t> ids = tokenizer.encode(text);
  if (max_tokens > 0 && std::ssize(ids) > max_tokens) ids.resize(static_cast<size_t>(max_tokens));
  return ids;
}

std::vector<int32_t> evaluation_tokens(const Tokenizer& tokenizer, const std::string& path,
                                       int64_t max_tokens) {
  check_max_tokens(max_tokens);
  std::vector<int32_t> ids = first_tokens(tokenizer, evaluation_text(path), max_tokens);
  if (ids.size() < 2) {
    throw Error(ErrorKind::kBadModel, path, fmt::format("has {} tokens, at least 2 are needed", ids.size()));
  }
  return ids;
}

TokenWindows whole_windows(std::span<const int32_t> ids, int64_t ctx) {
  TokenWindows windows;
  const auto length = static_cast<size_t>(ctx);
  for (; ids.size() >= length; ids = ids.subspan(length))
    windows.emplace_back(ids.begin(), ids.begin() + ctx);
  return windows;
}

}  // namespace fptq
