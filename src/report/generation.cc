#include <algorithm>

#include "fptq/report.h"
#include "report/json_text.h"

namespace fptq {
namespace {

double per_second(int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

}  // namespace

std::string to_json(const GenerateResult& result) {
  Json json = report::document("fptq.generate.v1");
  json["text"] = result.text;
  json["prompt_tokens"] = result.prompt_tokens;
  json["new_tokens"] = result.new_tokens;
  json["finish_reason"] = result.finish_reason;
  json["timing"] = {{"load_seconds", result.load_seconds},
                    {"prefill_seconds", result.prefill_seconds},
                    {"decode_seconds", result.decode_seconds},
                    {"prefill_tokens_per_second", per_second(result.prompt_tokens, result.prefill_seconds)},
                    // prefill already yields the first new token
                    {"decode_tokens_per_second",
                     per_second(std::max<int64_t>(result.new_tokens - 1, 0), result.decode_seconds)},
                    {"peak_rss_bytes", result.peak_rss_bytes}};
  return report::dump(json);
}

}  // namespace fptq
