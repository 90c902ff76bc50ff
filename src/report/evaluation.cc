#include <fmt/format.h>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/table.h"
#include "report/text.h"

namespace fptq {

namespace report {

void add_divergence(Json& json, const Divergence& divergence) {
  json["kl"] = {{"mean", divergence.mean},
                {"median", divergence.median},
                {"p95", divergence.p95},
                {"p99", divergence.p99},
                {"max", divergence.max}};
  if (!divergence.histogram.counts.empty()) {
    json["kl"]["histogram"] = {{"lowest", KlHistogram::kLowest},
                               {"per_decade", KlHistogram::kPerDecade},
                               {"counts", divergence.histogram.counts}};
  }
  json["top1"] = divergence.top1;
}

Json evaluation_members(const EvalResult& result) {
  Json json;
  json["model"] = result.model;
  if (result.kl) json["reference"] = result.reference;
  json["text"] = result.text;
  json["ctx"] = result.ctx;
  json["tokens"] = result.tokens;
  json["scored"] = result.scored;
  json["perplexity"] = result.perplexity;
  json["perplexity_stderr"] = result.perplexity_stderr;
  if (result.kl) {
    json["reference_perplexity"] = result.reference_perplexity;
    add_divergence(json, *result.kl);
  }
  json["timing"] = {{"seconds", result.seconds},
                    {"tokens_per_second", result.tokens_per_second},
                    {"peak_rss_bytes", result.peak_rss_bytes}};
  return json;
}

}  // namespace report

std::string to_json(const EvalResult& result) {
  Json json = report::document("fptq.eval.v1");
  json.update(report::evaluation_members(result));
  return report::dump(json);
}

std::string to_text(const EvalResult& result) {
  using namespace report;
  Table table({{""}, {""}});
  table.add({"perplexity",
             fmt::format("{} ± {}", fixed(result.perplexity, 3), fixed(result.perplexity_stderr, 3))});
  if (result.kl) {
    const double change = result.perplexity / result.reference_perplexity - 1;
    table.add(
        {"reference", fmt::format("{} ({})", fixed(result.reference_perplexity, 3), signed_percent(change))});
    table.add({"kl.mean", fixed(result.kl->mean, 5)});
    table.add({"kl.median", fixed(result.kl->median, 5)});
    table.add({"kl.p95", fixed(result.kl->p95, 5)});
    table.add({"kl.p99", fixed(result.kl->p99, 5)});
    table.add({"kl.max", fixed(result.kl->max, 5)});
    table.add({"top1", percent(result.kl->top1, 2)});
  }
  table.add({"tokens", fmt::format("{} in windows of {}, {} scored", grouped(result.tokens),
                                   grouped(result.ctx), grouped(result.scored))});
  table.add({"speed", fmt::format("{} tokens/s", fixed(result.tokens_per_second, 1))});
  table.add({"time", duration(result.seconds)});
  table.add({"peak memory", bytes(result.peak_rss_bytes)});
  return table.render();
}

}  // namespace fptq
