#include "eval/text_cost.h"

#include <cmath>
#include <numbers>

namespace fptq {
namespace {

int64_t count_words(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\n\v\f\r";
  int64_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool space = kSpaces.find(c) != std::string_view::npos;
    if (!space && !inside) ++words;
    inside = !space;
  }
  return words;
}

}  // namespace

void set_text_costs(std::string_view text, EvalResult& result) {
  const int64_t words = count_words(text);
  if (words == 0) return;
  const double nats = std::log(result.perplexity) * static_cast<double>(result.tokens);
  result.word_perplexity = std::exp(nats / static_cast<double>(words));
  result.bits_per_byte = nats / std::numbers::ln2 / static_cast<double>(text.size());
}

}  // namespace fptq
