#include "api/trial_record.h"

#include "base/file_io.h"
#include "base/json.h"
#include "fptq/error.h"
#include "fptq/report.h"
#include "report/read_results.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSchema = "fptq.trial.v1";

Json members_of(const TrialModel& m) {
  return {{"scheme", m.scheme},         {"bits_per_weight", m.bits_per_weight},
          {"file_bytes", m.file_bytes}, {"seconds", m.seconds},
          {"resumed", m.resumed},       {"peak_rss_bytes", m.peak_rss_bytes}};
}

TrialModel model_of(const Json& j) {
  return {j.at("scheme"),  j.at("bits_per_weight"), j.at("file_bytes"),
          j.at("seconds"), j.at("resumed"),         j.at("peak_rss_bytes")};
}

Json members_of(const EvalResult& e) {
  Json j = {{"ctx", e.ctx},
            {"tokens", e.tokens},
            {"scored", e.scored},
            {"perplexity", e.perplexity},
            {"perplexity_stderr", e.perplexity_stderr},
            {"reference_perplexity", e.reference_perplexity},
            {"seconds", e.seconds},
            {"tokens_per_second", e.tokens_per_second},
            {"kl", nullptr}};
  if (e.kl) {
    j["kl"] = {e.kl->mean, e.kl->median, e.kl->p95, e.kl->p99, e.kl->max, e.kl->top1};
    j["kl_histogram"] = e.kl->histogram.counts;
  }
  return j;
}

EvalResult evaluation_of(const Json& j) {
  EvalResult e;
  e.ctx = j.at("ctx");
  e.tokens = j.at("tokens");
  e.scored = j.at("scored");
  e.perplexity = j.at("perplexity");
  e.perplexity_stderr = j.at("perplexity_stderr");
  e.reference_perplexity = j.at("reference_perplexity");
  e.seconds = j.at("seconds");
  e.tokens_per_second = j.at("tokens_per_second");
  const Json& kl = j.at("kl");
  if (!kl.is_null()) {
    e.kl = Divergence{kl.at(0), kl.at(1), kl.at(2), kl.at(3), kl.at(4), kl.at(5)};
    if (j.contains("kl_histogram")) e.kl->histogram.counts = j.at("kl_histogram").get<std::vector<int64_t>>();
  }
  return e;
}

Json members_of(const TrialSpeed& s) {
  return {{"load_seconds", s.load_seconds},
          {"prefill_tokens_per_second", s.prefill_tokens_per_second},
          {"decode_tokens_per_second", s.decode_tokens_per_second},
          {"peak_rss_bytes", s.peak_rss_bytes},
          {"sample", s.sample}};
}

TrialSpeed speed_of(const Json& j) {
  return {j.at("load_seconds"), j.at("prefill_tokens_per_second"), j.at("decode_tokens_per_second"),
          j.at("peak_rss_bytes"), j.at("sample")};
}

}  // namespace

TrialRecord load_record(const fs::path& path, const std::string& fingerprint) {
  TrialRecord record;
  record.fingerprint = fingerprint;
  if (!fs::exists(path)) return record;
  try {
    const Json json = parse_json(read_text_file(path), path.string());
    if (json.at("schema") != kSchema || json.at("fingerprint") != fingerprint) return record;
    TrialRecord found = record;
    if (!json.at("recipe").is_null()) found.recipe = json.at("recipe").dump();
    if (!json.at("model").is_null()) found.model = model_of(json.at("model"));
    for (const auto& [key, e] : json.at("evaluations").items())
      found.evaluations.emplace(key, evaluation_of(e));
    for (const auto& [key, s] : json.at("speeds").items()) found.speeds.emplace(key, speed_of(s));
    if (json.contains("tasks")) {  // records of earlier versions lack it
      for (const auto& [key, t] : json.at("tasks").items())
        found.tasks.emplace(key, report::tasks_of(t, path.string()));
    }
    return found;
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kBadModel) throw;
  } catch (const Json::exception&) {
  }
  return record;  // a damaged record is as good as none: its steps are done again
}

void save_record(const fs::path& path, const TrialRecord& record) {
  Json json = {{"schema", kSchema}, {"fingerprint", record.fingerprint}};
  json["recipe"] = record.recipe.empty() ? Json(nullptr) : parse_json(record.recipe, path.string());
  json["model"] = record.model ? members_of(*record.model) : Json(nullptr);
  json["evaluations"] = Json::object();
  for (const auto& [key, e] : record.evaluations) json["evaluations"][key] = members_of(e);
  json["speeds"] = Json::object();
  for (const auto& [key, s] : record.speeds) json["speeds"][key] = members_of(s);
  json["tasks"] = Json::object();
  for (const auto& [key, t] : record.tasks) json["tasks"][key] = parse_json(fptq::to_json(t), path.string());
  write_file_atomically(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace fptq
