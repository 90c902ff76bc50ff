#include <fmt/format.h>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/table.h"
#include "report/text.h"

namespace fptq {
namespace {

using namespace report;

std::string shape_of(const TensorSummary& tensor) {
  return fmt::format("{}", fmt::join(tensor.shape, " x "));
}

}  // namespace

std::string to_json(const ModelSummary& summary) {
  Json json = document("fptq.inspect.v1");
  json["path"] = summary.path;
  json["format"] = summary.format;
  json["family"] = summary.family;
  json["parameters"] = summary.parameters;
  json["file_bytes"] = summary.file_bytes;
  json["bits_per_weight"] = summary.bits_per_weight;
  json["config"] = {{"layers", summary.layers},
                    {"hidden_size", summary.hidden_size},
                    {"intermediate_size", summary.intermediate_size},
                    {"heads", summary.heads},
                    {"kv_heads", summary.kv_heads},
                    {"head_dim", summary.head_dim},
                    {"vocab_size", summary.vocab_size},
                    {"max_position", summary.max_position},
                    {"tied_embeddings", summary.tied_embeddings}};
  json["warnings"] = summary.warnings;
  json["tensors"] = Json::array();
  for (const TensorSummary& t : summary.tensors) {
    json["tensors"].push_back({{"name", t.name},
                               {"dtype", t.dtype},
                               {"shape", t.shape},
                               {"bytes", t.bytes},
                               {"activation", t.activation},
                               {"min", t.min},
                               {"max", t.max},
                               {"abs_mean", t.abs_mean}});
  }
  return dump(json);
}

std::string to_text(const ModelSummary& summary) {
  using Align = Table::Align;
  Table facts({{""}, {""}});
  facts.add({"path", summary.path});
  facts.add({"format", fmt::format("{}, family {}", summary.format, summary.family)});
  facts.add(
      {"size", fmt::format("{}, {} parameters, {} bits per weight in the blocks", bytes(summary.file_bytes),
                           grouped(summary.parameters), fixed(summary.bits_per_weight, 2))});
  facts.add({"layers", fmt::format("{}, hidden {}, mlp {}, {} heads of {}, {} kv heads", summary.layers,
                                   summary.hidden_size, summary.intermediate_size, summary.heads,
                                   summary.head_dim, summary.kv_heads)});
  facts.add(
      {"vocabulary", fmt::format("{}, embeddings {}", grouped(summary.vocab_size),
                                 summary.tied_embeddings ? "tied to the head" : "apart from the head")});
  facts.add({"positions", grouped(summary.max_position)});
  for (const std::string& warning : summary.warnings) facts.add({"warning", warning});

  Table tensors({{"tensor"},
                 {"stored as"},
                 {"shape", Align::kRight},
                 {"size", Align::kRight},
                 {"min", Align::kRight},
                 {"max", Align::kRight},
                 {"mean |x|", Align::kRight},
                 {"input"}});
  for (const TensorSummary& t : summary.tensors) {
    // all zero: the values were not read
    const bool has_values = t.min != 0 || t.max != 0 || t.abs_mean != 0;
    const auto value = [&](double v) { return has_values ? fmt::format("{:.4g}", v) : std::string(); };
    tensors.add({t.name, t.dtype, shape_of(t), bytes(t.bytes), value(t.min), value(t.max), value(t.abs_mean),
                 t.activation});
  }
  return facts.render() + "\n" + tensors.render();
}

}  // namespace fptq
