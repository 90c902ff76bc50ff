#include "tasks/encode_request.h"

#include <fmt/format.h>

#include "fptq/error.h"
#include "tasks/python_text.h"

namespace fptq {
namespace {

// The ids, and in `context` how many of them are not scored.
std::vector<int32_t> with_context(const Tokenizer& tokenizer, const TextRequest& request,
                                  const EncodeRules& rules, size_t& context) {
  const std::string text = request.context + request.continuation;
  const std::string_view stripped = python_rstrip(request.context);
  const bool has_bos = rules.prefix && !tokenizer.id_to_token(*rules.prefix).empty() &&
                       text.starts_with(tokenizer.id_to_token(*rules.prefix));
  const EncodeOptions options{.add_special_tokens = !has_bos};
  context = tokenizer.encode(stripped, options).size();
  return tokenizer.encode(text, options);
}

std::vector<int32_t> without_context(const Tokenizer& tokenizer, const TextRequest& request,
                                     const EncodeRules& rules, const std::string& where) {
  std::vector<int32_t> ids = tokenizer.encode(request.continuation);
  if (!rules.prefix) {
    throw Error(ErrorKind::kBadModel, where,
                "has an empty context, and the model has neither a BOS nor an end token to stand for it");
  }
  if (ids.empty() || ids.front() != *rules.prefix) ids.insert(ids.begin(), *rules.prefix);
  return ids;
}

}  // namespace

TokenRequest encode_request(const Tokenizer& tokenizer, const TextRequest& request, const EncodeRules& rules,
                            const std::string& where) {
  TokenRequest encoded;
  size_t context = 1;
  encoded.ids = request.context.empty() ? without_context(tokenizer, request, rules, where)
                                        : with_context(tokenizer, request, rules, context);
  const int64_t scored = std::ssize(encoded.ids) - static_cast<int64_t>(context);
  if (scored < 1 || context == 0) {
    throw Error(ErrorKind::kBadModel, where,
                scored < 1 ? "has no token to score" : "has a context without tokens");
  }
  if (scored > rules.max_inputs) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("asks to score {} tokens, the model reads {}", scored, rules.max_inputs));
  }
  const int64_t excess = encoded.inputs() - rules.max_inputs;
  if (excess > 0) {
    encoded.ids.erase(encoded.ids.begin(), encoded.ids.begin() + excess);
    encoded.truncated = true;
  }
  encoded.scored_from = std::ssize(encoded.ids) - scored;
  return encoded;
}

}  // namespace fptq
