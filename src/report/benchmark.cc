#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/machine.h"
#include "report/table.h"
#include "report/text.h"

namespace fptq {
namespace {

using namespace report;

std::string plus_minus(const Measured& value, int digits) {
  return fmt::format("{} ± {}", fixed(value.mean, digits), fixed(value.deviation, digits));
}

bool has_energy(const BenchResult& result) {
  return std::ranges::any_of(result.runs,
                             [](const BenchRun& r) { return r.decode_joules_per_token.has_value(); });
}

Json known(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string optional_field(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : "";
}

std::string joules(const std::optional<double>& value) {
  return value ? fixed(*value, 3) : "-";
}

std::vector<std::string> cells(const BenchRun& run) {
  return {fmt::format("{}", run.threads),
          fmt::format("{}", run.batch),
          run.kv,
          fmt::format("{}", run.prompt),
          fmt::format("{}", run.gen),
          plus_minus(run.prefill_tokens_per_s, 1),
          plus_minus(run.decode_tokens_per_s, 1),
          fixed(run.ms_per_token(), 2),
          plus_minus(run.first_token_s, 3),
          fixed(run.load_s, 2),
          bytes(run.peak_rss_bytes),
          joules(run.prefill_joules_per_token),
          joules(run.decode_joules_per_token)};
}

Table table_of(const BenchResult& result) {
  using Align = Table::Align;
  std::vector<Table::Column> columns = {{"threads", Align::kRight},
                                        {"batch", Align::kRight},
                                        {"kv"},
                                        {"prompt", Align::kRight},
                                        {"gen", Align::kRight},
                                        {"prefill, tokens/s", Align::kRight},
                                        {"decode, tokens/s", Align::kRight},
                                        {"ms/token", Align::kRight},
                                        {"first token, s", Align::kRight},
                                        {"load, s", Align::kRight},
                                        {"peak memory", Align::kRight}};
  if (has_energy(result)) {
    columns.push_back({"prefill, J/token", Align::kRight});
    columns.push_back({"decode, J/token", Align::kRight});
  }
  Table table(columns);
  for (const BenchRun& run : result.runs) {
    std::vector<std::string> row = cells(run);
    row.resize(columns.size());
    table.add(std::move(row));
  }
  return table;
}

std::string heading(const BenchResult& result) {
  return fmt::format("{}, {}, {}; {}; {}\n", printable(result.model), result.format, bytes(result.file_bytes),
                     machine_line(result.machine), times(result.repeats, "repeat"));
}

// Below the table.
std::string energy_line(const BenchResult& result) {
  return has_energy(result) ? "" : "\nenergy: not readable (no RAPL counters in /sys/class/powercap)\n";
}

}  // namespace

// Every value of a run is a measurement, so that they stand beside its parameters and not in `timing`.
std::string to_json(const BenchResult& result) {
  Json json = document("fptq.bench.v1");
  json["model"] = result.model;
  json["format"] = result.format;
  json["file_bytes"] = result.file_bytes;
  json["machine"] = machine_members(result.machine);
  json["repeats"] = result.repeats;
  json["runs"] = Json::array();
  for (const BenchRun& run : result.runs) {
    json["runs"].push_back({{"threads", run.threads},
                            {"batch", run.batch},
                            {"kv", run.kv},
                            {"prompt", run.prompt},
                            {"gen", run.gen},
                            {"prefill_tokens_per_s", run.prefill_tokens_per_s.mean},
                            {"prefill_tokens_per_s_deviation", run.prefill_tokens_per_s.deviation},
                            {"decode_tokens_per_s", run.decode_tokens_per_s.mean},
                            {"decode_tokens_per_s_deviation", run.decode_tokens_per_s.deviation},
                            {"ms_per_token", run.ms_per_token()},
                            {"first_token_s", run.first_token_s.mean},
                            {"first_token_s_deviation", run.first_token_s.deviation},
                            {"load_s", run.load_s},
                            {"peak_rss_bytes", run.peak_rss_bytes},
                            {"prefill_joules_per_token", known(run.prefill_joules_per_token)},
                            {"decode_joules_per_token", known(run.decode_joules_per_token)}});
  }
  return dump(json);
}

std::string to_text(const BenchResult& result) {
  return heading(result) + "\n" + table_of(result).render() + energy_line(result);
}

std::string to_markdown(const BenchResult& result) {
  return heading(result) + "\n" + table_of(result).markdown() + energy_line(result);
}

std::string to_csv(const BenchResult& result) {
  std::string out =
      "model,cpu,isa,threads,batch,kv,prompt,gen,prefill_tokens_per_s,prefill_tokens_per_s_deviation,"
      "decode_tokens_per_s,decode_tokens_per_s_deviation,first_token_s,first_token_s_deviation,load_s,"
      "peak_rss_bytes,ms_per_token,prefill_joules_per_token,decode_joules_per_token\n";
  for (const BenchRun& run : result.runs) {
    out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_field(result.model),
                       csv_field(result.machine.cpu), result.machine.isa, run.threads, run.batch, run.kv,
                       run.prompt, run.gen, run.prefill_tokens_per_s.mean, run.prefill_tokens_per_s.deviation,
                       run.decode_tokens_per_s.mean, run.decode_tokens_per_s.deviation,
                       run.first_token_s.mean, run.first_token_s.deviation, run.load_s, run.peak_rss_bytes,
                       run.ms_per_token(), optional_field(run.prefill_joules_per_token),
                       optional_field(run.decode_joules_per_token));
  }
  return out;
}

}  // namespace fptq
