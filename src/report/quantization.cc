#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/quantization_json.h"
#include "report/table.h"
#include "report/text.h"

namespace fptq {
namespace {

using namespace report;
constexpr size_t kWorst = 3;

// What the same run gives each time, without the evaluation.
Json quantization_members(const QuantizeReport& report) {
  Json json = document("fptq.quantize.v1");
  json["source"] = report.source;
  json["method"] = report.method;
  json["scheme"] = report.scheme;
  json["bits_per_weight"] = report.bits_per_weight;
  json["calibration_tokens"] = report.calibration_tokens;
  json["source_bytes"] = report.source_bytes;
  json["tuned"] = report.tuned;
  json["inputs"] = to_list(report.inputs);
  json["linears"] = to_list(report.linears);
  json["blocks"] = to_list(report.blocks);
  if (report.head_kl) json["head_kl"] = *report.head_kl;
  json["warnings"] = report.warnings;
  return json;
}

// "269.1 MB -> 98.0 MB, 2.75 times smaller"
std::string size_line(const QuantizeReport& report) {
  const double source = static_cast<double>(report.source_bytes),
               output = static_cast<double>(report.output_bytes);
  std::string text = fmt::format("{} -> {}", bytes(report.source_bytes), bytes(report.output_bytes));
  if (source <= 0 || output <= 0) return text;
  return text + (output <= source ? fmt::format(", {} times smaller", fixed(source / output, 2))
                                  : fmt::format(", {} times larger", fixed(output / source, 2)));
}

// One line for each kind of matrix: "210 matrices: int4 g64 sym (the group size asked for does not divide
// their inputs)"
void add_weights(Table& table, const QuantizeReport& report) {
  std::map<std::pair<std::string, bool>, int64_t> kinds;
  const LinearReport *head = nullptr, *embeddings = nullptr;
  for (const LinearReport& l : report.linears) {
    if (l.module == "lm_head") {
      head = &l;
    } else if (l.module == "model.embed_tokens") {
      embeddings = &l;
    } else {
      ++kinds[{l.form, l.group_size_fell_back}];
    }
  }
  const char* label = "weights";
  for (const auto& [kind, count] : kinds) {
    const auto& [form, fell_back] = kind;
    const std::string matrices = times(count, "matrix");
    table.add({label, form.empty() ? matrices + " not quantized"
                                   : fmt::format("{}: {}{}", matrices, form,
                                                 fell_back ? " (the group size asked for does not divide "
                                                             "their inputs)"
                                                           : "")});
    label = "";
  }
  if (embeddings != nullptr) table.add({"embeddings", embeddings->form});
  if (head == nullptr) return;
  table.add(
      {"head",
       fmt::format("{}{}", head->form,
                   report.head_kl ? fmt::format("; alone it costs KL {}", fixed(*report.head_kl, 5)) : "")});
}

std::string activations_line(const QuantizeReport& report) {
  int64_t as_is = 0, equalized = 0, token = 0, equalized_token = 0, left = 0, equalized_left = 0;
  for (const InputDecision& input : report.inputs) {
    ++(input.activation == "token"   ? (input.equalized ? equalized_token : token)
       : input.activation == "float" ? (input.equalized ? equalized_left : left)
       : input.equalized             ? equalized
                                     : as_is);
  }
  const std::string inputs = times(std::ssize(report.inputs), "input");
  if (left + equalized_left == std::ssize(report.inputs)) {
    return fmt::format("{}: not quantized{}", inputs,
                       equalized_left == 0 ? "" : fmt::format(", {} equalized", equalized_left));
  }
  std::string text =
      fmt::format("{}: {} static, {} equalized then static, {} per token", inputs, as_is, equalized, token);
  if (equalized_token > 0) text += fmt::format(", {} equalized then per token", equalized_token);
  if (left + equalized_left > 0) text += fmt::format(", {} not quantized", left + equalized_left);
  return text;
}

std::vector<LinearReport> worst_linears(const QuantizeReport& report) {
  std::vector<LinearReport> sorted = report.linears;
  std::stable_sort(sorted.begin(), sorted.end(), [](const LinearReport& a, const LinearReport& b) {
    return a.relative_error > b.relative_error;
  });
  sorted.resize(std::min(sorted.size(), kWorst));
  return sorted;
}

void add_evaluation(Table& table, const EvalResult& evaluation) {
  if (!evaluation.kl) return;
  const double change = evaluation.perplexity / evaluation.reference_perplexity - 1;
  table.add(
      {"perplexity",
       fmt::format("{} -> {} ({}) on {} tokens", fixed(evaluation.reference_perplexity, 3),
                   fixed(evaluation.perplexity, 3), signed_percent(change), grouped(evaluation.tokens))});
  table.add({"divergence", fmt::format("mean KL {}, top-1 agreement {}", fixed(evaluation.kl->mean, 4),
                                       percent(evaluation.kl->top1))});
}

}  // namespace

std::string to_json(const QuantizeReport& report) {
  Json json = quantization_members(report);
  // One line for each of a hundred numbers of a hundred inputs: fptq_report.json has them.
  for (Json& input : json["inputs"]) {
    if (!input.contains("profile")) continue;
    for (Json& maxima : input["profile"]["channel_maxima"]) maxima.erase("bins");
  }
  if (report.evaluation) json["evaluation"] = evaluation_members(*report.evaluation);
  json["output_bytes"] = report.output_bytes;
  json["timing"] = {
      {"seconds", report.seconds}, {"peak_rss_bytes", report.peak_rss_bytes}, {"resumed", report.resumed}};
  return dump(json);
}

std::string report_file(const QuantizeReport& report) {
  Json json = quantization_members(report);
  if (report.evaluation) {
    json["evaluation"] = evaluation_members(*report.evaluation);
    json["evaluation"].erase("timing");
    json["evaluation"].erase("model");
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_text(const QuantizeReport& report) {
  Table table({{""}, {""}});
  table.add({"size", size_line(report)});
  add_weights(table, report);
  if (!report.inputs.empty()) table.add({"activations", activations_line(report)});
  if (report.evaluation) add_evaluation(table, *report.evaluation);
  const char* label = "worst layers";
  for (const LinearReport& linear : worst_linears(report)) {
    table.add({label, fmt::format("{}  relative error {}, SQNR {} dB", linear.module,
                                  fixed(linear.relative_error, 5), fixed(linear.sqnr_db, 1))});
    label = "";
  }
  for (const std::string& warning : report.warnings) table.add({"warning", warning});
  table.add({"time", duration(report.seconds) + (report.resumed ? ", resumed an interrupted run" : "")});
  table.add({"peak memory", bytes(report.peak_rss_bytes)});
  return table.render();
}

std::string explain(const QuantizeReport& report) {
  using Align = Table::Align;
  Table table({{"layer", Align::kRight},
               {"input"},
               {"v", Align::kRight},
               {"decision"},
               {"scale", Align::kRight},
               {"reason"}});
  for (const InputDecision& input : report.inputs) {
    const bool is_static = input.activation == "static";
    const std::string decision = (input.equalized ? "equalize, " : "") + input.activation;
    table.add({fmt::format("{}", input.layer), input.input, fixed(input.v, 3), decision,
               is_static ? fmt::format("{:.6g}", input.scale) : "", input.reason});
  }
  return table.render();
}

}  // namespace fptq
