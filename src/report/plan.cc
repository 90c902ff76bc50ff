#include <fmt/format.h>

#include <algorithm>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/table.h"
#include "report/text.h"

namespace fptq {
namespace {

using namespace report;

// Matrices of the same kind in different layers, on one line of the plan.
struct Kind {
  std::string name;  // "self_attn.q_proj"
  QuantizePlan::Matrix matrix;
  int64_t count = 0;
};

// "model.layers.12.mlp.up_proj" -> "mlp.up_proj"
std::string without_layer(const std::string& module) {
  const size_t digit = module.find_first_of("0123456789");
  const size_t dot = digit == std::string::npos ? digit : module.find('.', digit);
  return dot == std::string::npos ? module : module.substr(dot + 1);
}

std::vector<Kind> kinds_of(const QuantizePlan& plan) {
  std::vector<Kind> kinds;
  for (const QuantizePlan::Matrix& matrix : plan.matrices) {
    const std::string name = without_layer(matrix.module);
    const auto same = [&](const Kind& kind) {
      return kind.name == name && kind.matrix.rows == matrix.rows && kind.matrix.cols == matrix.cols &&
             kind.matrix.form == matrix.form;
    };
    auto found = std::find_if(kinds.begin(), kinds.end(), same);
    if (found == kinds.end()) found = kinds.insert(kinds.end(), {name, matrix, 0});
    ++found->count;
  }
  return kinds;
}

}  // namespace

std::string to_json(const QuantizePlan& plan) {
  Json json = document("fptq.plan.v1");
  json["family"] = plan.family;
  json["scheme"] = plan.scheme;
  json["layers"] = plan.layers;
  json["parameters"] = plan.parameters;
  json["source_bytes"] = plan.source_bytes;
  json["output_bytes"] = plan.output_bytes;
  json["memory_bytes"] = plan.memory_bytes;
  json["bits_per_weight"] = plan.bits_per_weight;
  json["calibration_tokens"] = plan.calibration_tokens;
  json["matrices"] = Json::array();
  for (const QuantizePlan::Matrix& matrix : plan.matrices) {
    json["matrices"].push_back({{"module", matrix.module},
                                {"rows", matrix.rows},
                                {"cols", matrix.cols},
                                {"bits", matrix.bits},
                                {"group_size", matrix.group_size},
                                {"group_size_fell_back", matrix.group_size_fell_back},
                                {"form", matrix.form}});
  }
  json["warnings"] = plan.warnings;
  json["timing"] = {{"seconds", plan.seconds}};
  return dump(json);
}

std::string to_text(const QuantizePlan& plan) {
  using Align = Table::Align;
  Table facts({{""}, {""}});
  facts.add({"model", fmt::format("{}, {}, {} parameters", plan.family, times(plan.layers, "layer"),
                                  grouped(plan.parameters))});
  facts.add({"scheme", fmt::format("{}: {}", plan.scheme, plan.scheme_summary)});
  facts.add({"size", fmt::format("{} -> about {}", bytes(plan.source_bytes), bytes(plan.output_bytes))});
  facts.add({"weights", fmt::format("{}, {} bits per weight", times(std::ssize(plan.matrices), "matrix"),
                                    fixed(plan.bits_per_weight, 2))});
  facts.add({"calibration", fmt::format("{} tokens", grouped(plan.calibration_tokens))});
  for (const std::string& warning : plan.warnings) facts.add({"warning", warning});
  facts.add({"memory", fmt::format("about {}", bytes(plan.memory_bytes))});
  facts.add({"time", fmt::format("about {}", duration(plan.seconds))});

  Table schemes({{"matrix"}, {"count", Align::kRight}, {"rows x inputs", Align::kRight}, {"form"}, {""}});
  for (const Kind& kind : kinds_of(plan)) {
    const QuantizePlan::Matrix& m = kind.matrix;
    schemes.add({kind.name, grouped(kind.count), fmt::format("{} x {}", m.rows, m.cols),
                 m.bits == 0 ? "not quantized" : m.form,
                 m.group_size_fell_back ? "the group size asked for does not divide the inputs" : ""});
  }
  return facts.render() + "\n" + schemes.render();
}

}  // namespace fptq
