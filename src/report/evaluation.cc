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
  json["stride"] = result.stride;
  json["tokens"] = result.tokens;
  json["scored"] = result.scored;
  json["perplexity"] = result.perplexity;
  json["perplexity_stderr"] = result.perplexity_stderr;
  if (result.bits_per_byte > 0) {
    json["word_perplexity"] = result.word_perplexity;
    json["bits_per_byte"] = result.bits_per_byte;
  }
  if (result.kl) {
    json["reference_perplexity"] = result.reference_perplexity;
    if (result.reference_top_k > 0) json["reference_top_k"] = result.reference_top_k;
    add_divergence(json, *result.kl);
  }
  if (result.probability_change) {
    const ProbabilityChange& p = *result.probability_change;
    json["perplexity_ratio"] = result.perplexity_ratio;
    json["perplexity_ratio_stderr"] = result.perplexity_ratio_stderr;
    json["probability_change"] = {{"mean", p.mean}, {"rms", p.rms}, {"min", p.min},       {"p1", p.p1},
                                  {"p5", p.p5},     {"p25", p.p25}, {"median", p.median}, {"p75", p.p75},
                                  {"p95", p.p95},   {"p99", p.p99}, {"max", p.max}};
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
  if (result.bits_per_byte > 0) {
    table.add({"", fmt::format("{} a word, {} bits per byte", fixed(result.word_perplexity, 3),
                               fixed(result.bits_per_byte, 4))});
  }
  if (result.kl) {
    const double change = result.perplexity / result.reference_perplexity - 1;
    table.add(
        {"reference", fmt::format("{} ({})", fixed(result.reference_perplexity, 3), signed_percent(change))});
    const std::string bound =
        result.reference_top_k > 0
            ? fmt::format(", at least: of the {} likeliest tokens, and all others as one",
                          result.reference_top_k)
            : "";
    table.add({"kl.mean", fixed(result.kl->mean, 5) + bound});
    table.add({"kl.median", fixed(result.kl->median, 5)});
    table.add({"kl.p95", fixed(result.kl->p95, 5)});
    table.add({"kl.p99", fixed(result.kl->p99, 5)});
    table.add({"kl.max", fixed(result.kl->max, 5)});
    table.add({"top1", percent(result.kl->top1, 2)});
  }
  if (result.probability_change) {
    const ProbabilityChange& p = *result.probability_change;
    table.add({"ratio", fmt::format("{} ± {}", fixed(result.perplexity_ratio, 4),
                                    fixed(result.perplexity_ratio_stderr, 4))});
    const auto points = [](double v) { return fixed(v * 100, 2); };
    table.add({"delta p", fmt::format("mean {} %, RMS {} %", points(p.mean), points(p.rms))});
    table.add({"", fmt::format("min {}, 1 % {}, 5 % {}, 25 % {}, median {}", points(p.min), points(p.p1),
                               points(p.p5), points(p.p25), points(p.median))});
    table.add({"", fmt::format("75 % {}, 95 % {}, 99 % {}, max {}", points(p.p75), points(p.p95),
                               points(p.p99), points(p.max))});
  }
  table.add(
      {"tokens",
       fmt::format("{} in windows of {}{}, {} scored", grouped(result.tokens), grouped(result.ctx),
                   result.stride < result.ctx && result.stride > 0 ? " every " + grouped(result.stride) : "",
                   grouped(result.scored))});
  table.add({"speed", fmt::format("{} tokens/s", fixed(result.tokens_per_second, 1))});
  table.add({"time", duration(result.seconds)});
  table.add({"peak memory", bytes(result.peak_rss_bytes)});
  return table.render();
}

}  // namespace fptq
