#include <fmt/format.h>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/table.h"
#include "report/text.h"

namespace fptq {

std::string to_json(const SynthReport& result) {
  Json json = report::document("fptq.synth.v1");
  json["output"] = result.output;
  json["shape"] = result.shape;
  json["scheme"] = result.scheme;
  json["layers"] = result.layers;
  json["parameters"] = result.parameters;
  json["vocab_size"] = result.vocab_size;
  json["tokenizer_vocab"] = result.tokenizer_vocab;
  json["output_bytes"] = result.output_bytes;
  json["timing"] = {{"seconds", result.seconds}, {"peak_rss_bytes", result.peak_rss_bytes}};
  return report::dump(json);
}

std::string to_text(const SynthReport& result) {
  using namespace report;
  Table table({{""}, {""}});
  table.add({"written", fmt::format("{}, {}", result.output, bytes(result.output_bytes))});
  table.add({"model", fmt::format("{} as {}, {}, {} parameters, random", result.shape, result.scheme,
                                  times(result.layers, "layer"), grouped(result.parameters))});
  table.add({"vocabulary", fmt::format("{} of {} ids have a token", grouped(result.tokenizer_vocab),
                                       grouped(result.vocab_size))});
  table.add({"time", duration(result.seconds)});
  table.add({"peak memory", bytes(result.peak_rss_bytes)});
  return table.render();
}

}  // namespace fptq
