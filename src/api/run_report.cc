#include "fptq/run_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <variant>

#include "api/scheme_name.h"
#include "base/file_io.h"
#include "base/json.h"
#include "formats/checkpoint.h"
#include "fptq/error.h"
#include "fptq/inspect.h"
#include "report/quantization_json.h"
#include "report/read_results.h"
#include "report/text.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

struct ModelFolder {
  std::string path;
};
// In the order of the table in read_file().
using Source = std::variant<ModelFolder, QuantizeReport, EvalResult, CompareResult, TrialsResult, BenchResult,
                            SensitivityResult, TasksResult>;

// Spellings of one path are equal; a path that does not exist here equals itself.
std::string normal(const std::string& path) {
  std::error_code ec;
  fs::path p = fs::weakly_canonical(path, ec);
  if (ec) p = fs::path(path).lexically_normal();
  if (!p.has_filename()) p = p.parent_path();
  return p.string();
}

std::string base_name(const std::string& path) {
  const fs::path p = normal(path);
  return p.extension() == ".gguf" ? p.stem().string() : p.filename().string();
}

Source read_file(const std::string& path) {
  struct Reader {
    const char* schema;
    Source (*read)(const Json& json, const std::string& where);
  };
  constexpr Reader kReaders[] = {
      {"fptq.quantize.v1",
       [](const Json& j, const std::string& w) -> Source { return report::quantization_of(j, w); }},
      {"fptq.eval.v1",
       [](const Json& j, const std::string& w) -> Source { return report::evaluation_of(j, w); }},
      {"fptq.compare.v1",
       [](const Json& j, const std::string& w) -> Source { return report::comparison_of(j, w); }},
      {"fptq.compare_methods.v1",
       [](const Json& j, const std::string& w) -> Source { return report::trials_of(j, w); }},
      {"fptq.bench.v1",
       [](const Json& j, const std::string& w) -> Source { return report::benchmark_of(j, w); }},
      {"fptq.sensitivity.v1",
       [](const Json& j, const std::string& w) -> Source { return report::sensitivity_of(j, w); }},
      {"fptq.tasks.v1", [](const Json& j, const std::string& w) -> Source { return report::tasks_of(j, w); }},
  };
  const Json json = parse_json(read_text_file(path), path);
  const std::string schema = json_string(json, "schema", path);
  for (const Reader& reader : kReaders) {
    if (schema == reader.schema) return reader.read(json, path);
  }
  throw Error(ErrorKind::kBadModel, path, fmt::format("schema {} is none that a report is made of", schema),
              "give what quantize, eval, compare, bench or sensitivity print with --json, or a model");
}

// What `fptq quantize` left in its folder; of older versions only the decisions.
std::optional<QuantizeReport> kept_report(const fs::path& folder) {
  const fs::path report = folder / "fptq_report.json", recipe = folder / "fptq_recipe.json";
  if (fs::exists(report))
    return report::quantization_of(parse_json(read_text_file(report), report.string()), report.string());
  if (!fs::exists(recipe)) return std::nullopt;
  const std::string where = recipe.string();
  const Json json = parse_json(read_text_file(recipe), where);
  QuantizeReport kept;
  kept.method = json_string(json, "method", where, "");
  kept.scheme = json_string(json, "scheme", where, "");
  if (const Json* decisions = json_find(json, "decisions"); decisions != nullptr && decisions->is_array()) {
    for (const Json& d : *decisions) kept.inputs.push_back(report::decision_of(d, where));
  }
  return kept;
}

// Of a ComparedModel or a TrialSpeed.
template <typename Measured>
RunSpeed compared_speed(const Measured& m) {
  return {.load_seconds = m.load_seconds,
          .prefill_tokens_per_second = m.prefill_tokens_per_second,
          .decode_tokens_per_second = m.decode_tokens_per_second,
          .ms_per_token = m.decode_tokens_per_second > 0 ? 1000 / m.decode_tokens_per_second : 0,
          .peak_rss_bytes = m.peak_rss_bytes,
          .conditions = "as fptq compare measures it"};
}

class Collector {
 public:
  explicit Collector(std::vector<Source> sources) : sources_(std::move(sources)) {}

  RunReport collect() {
    find_original();
    // Folders first: what was measured afterwards replaces what they keep.
    for (const Source& s : sources_) {
      if (const auto* folder = std::get_if<ModelFolder>(&s)) add(*folder);
    }
    for (const Source& s : sources_) {
      if (std::holds_alternative<ModelFolder>(s)) continue;
      std::visit([&](const auto& source) { add(source); }, s);
    }
    if (report_.runs.empty()) {
      throw Error(ErrorKind::kUsage, "report", "there is nothing but the original",
                  "give a quantized model or results about one");
    }
    complete();
    warn();
    return std::move(report_);
  }

 private:
  // What `model` was made of, or itself where it is not quantized; empty when it is not there.
  static std::string original_of(const std::string& model) {
    if (!fs::exists(model)) return {};
    if (!open_checkpoint(model, ValueChecks::kNone).quantized) return model;
    const std::optional<QuantizeReport> kept =
        fs::is_directory(model) ? kept_report(model) : std::optional<QuantizeReport>();
    return kept ? kept->source : std::string();
  }

  void find_original() {
    Run& original = report_.original;
    original.name = "original";
    const auto candidate = [&](const std::string& path) {
      if (path.empty()) return;
      if (original.model.empty()) original.model = path;
      if (normal(path) == normal(original.model)) return;
      const std::string warning =
          fmt::format("made of {} and of {}: their figures are not comparable", original.model, path);
      if (!std::ranges::count(report_.warnings, warning)) report_.warnings.push_back(warning);
    };
    for (const Source& s : sources_) {
      if (const auto* folder = std::get_if<ModelFolder>(&s)) {
        const Checkpoint checkpoint = open_checkpoint(folder->path, ValueChecks::kNone);
        if (!checkpoint.quantized) candidate(folder->path);
      } else if (const auto* e = std::get_if<EvalResult>(&s)) {
        candidate(e->reference);
      } else if (const auto* q = std::get_if<QuantizeReport>(&s)) {
        candidate(q->source);
      } else if (const auto* c = std::get_if<CompareResult>(&s)) {
        candidate(c->original.path);
      } else if (const auto* t = std::get_if<TrialsResult>(&s)) {
        candidate(t->original.model);
      } else if (const auto* v = std::get_if<SensitivityResult>(&s)) {
        candidate(v->model);
      }
    }
    if (!original.model.empty()) return;
    for (const Source& s : sources_) {
      if (const auto* folder = std::get_if<ModelFolder>(&s)) {
        const std::optional<QuantizeReport> kept = kept_report(folder->path);
        if (kept) candidate(kept->source);
      } else if (const auto* tasks = std::get_if<TasksResult>(&s)) {
        candidate(original_of(tasks->model));
      }
    }
  }

  // The run of `model`, made if there is none yet; the original for its own path. Without a path, the run of
  // that name.
  Run& run_of(const std::string& model, const std::string& name) {
    if (!model.empty()) {
      const std::string key = normal(model);
      if (!report_.original.model.empty() && key == normal(report_.original.model)) return report_.original;
      for (Run& run : report_.runs) {
        if (!run.model.empty() && normal(run.model) == key) return run;
      }
    }
    std::string unique = name.empty() ? "run" : name;
    const auto taken = [&](const std::string& n) {
      return n == report_.original.name || std::ranges::count(report_.runs, n, &Run::name) > 0;
    };
    for (int i = 2; taken(unique); ++i) unique = fmt::format("{} ({})", name, i);
    Run& run = report_.runs.emplace_back();
    run.name = unique;
    run.model = model;
    return run;
  }

  void add(const ModelFolder& folder) { look_at(run_of(folder.path, base_name(folder.path)), folder.path); }

  // Figures of the files themselves.
  void look_at(Run& run, const std::string& path) {
    if (!fs::exists(path)) return;
    const ModelSummary summary = inspect(path, false);
    run.file_bytes = summary.file_bytes;
    run.bits_per_weight = summary.bits_per_weight;
    run.scheme = scheme_name(*open_checkpoint(path, ValueChecks::kNone).weights);
    if (&run == &report_.original || !fs::is_directory(path)) return;
    if (std::optional<QuantizeReport> kept = kept_report(path)) fill(run, *kept);
  }

  static void fill(Run& run, const QuantizeReport& q) {
    run.method = q.method;
    if (run.scheme.empty()) run.scheme = q.scheme;
    if (run.bits_per_weight == 0) run.bits_per_weight = q.bits_per_weight;
    if (run.file_bytes == 0) run.file_bytes = q.output_bytes;
    if (q.evaluation && !run.evaluation) run.evaluation = q.evaluation;
    run.quantization = q;
  }

  void add(const QuantizeReport& q) {
    const std::string model = q.evaluation ? q.evaluation->model : "";
    Run& run = run_of(model, model.empty() ? q.method : base_name(model));
    if (&run != &report_.original) fill(run, q);
  }

  void add(const EvalResult& e) {
    Run& run = run_of(e.model, base_name(e.model));
    if (run.file_bytes == 0) look_at(run, e.model);
    run.evaluation = e;
    keep_reference(e);
  }

  void keep_reference(const EvalResult& e) {
    if (!e.kl || report_.original.evaluation) return;
    EvalResult& of_original = report_.original.evaluation.emplace(e);
    of_original.kl.reset();
    of_original.perplexity = e.reference_perplexity;
    of_original.perplexity_stderr = 0;
  }

  void add(const CompareResult& c) {
    const auto fill_with = [&](const ComparedModel& m) -> Run& {
      Run& run = run_of(m.path, base_name(m.path));
      if (run.file_bytes == 0) look_at(run, m.path);
      run.file_bytes = m.file_bytes;
      run.bits_per_weight = m.bits_per_weight;
      if (m.decode_tokens_per_second > 0) run.speed = compared_speed(m);
      EvalResult& e = run.evaluation.emplace();
      e.model = m.path;
      e.tokens = c.tokens;
      e.perplexity = m.perplexity;
      return run;
    };
    fill_with(c.original);
    Run& quantized = fill_with(c.quantized);
    quantized.evaluation->reference = c.original.path;
    quantized.evaluation->reference_perplexity = c.original.perplexity;
    quantized.evaluation->kl = c.kl;
  }

  void add(const TrialsResult& trials) {
    const auto fill_with = [&](Run& run, const TrialResult& t) {
      if (run.file_bytes == 0 && !t.model.empty()) look_at(run, t.model);
      run.file_bytes = t.file_bytes;
      run.bits_per_weight = t.bits_per_weight;
      if (!t.method.empty()) run.method = t.method;
      if (!t.scheme.empty()) run.scheme = t.scheme;
      run.failure = t.failure;
      if (t.speed) run.speed = compared_speed(*t.speed);
      if (t.tasks) keep_scores(run, *t.tasks);
      if (!t.evaluation) return;
      run.evaluation = t.evaluation;
      run.evaluation->text = trials.text;
      run.evaluation->ctx = trials.ctx;
      run.evaluation->tokens = trials.tokens;
      if (trials.original.evaluation)
        run.evaluation->reference_perplexity = trials.original.evaluation->perplexity;
    };
    fill_with(report_.original, trials.original);
    for (const TrialResult& t : trials.trials) {
      Run& run = run_of(t.model, t.name);
      // The row's name says more than the name of its folder in the work folder.
      if (std::ranges::count(report_.runs, t.name, &Run::name) == 0) run.name = t.name;
      fill_with(run, t);
    }
  }

  void add(const BenchResult& bench) {
    Run& run = run_of(bench.model, base_name(bench.model));
    if (run.file_bytes == 0) look_at(run, bench.model);
    if (run.file_bytes == 0) run.file_bytes = bench.file_bytes;
    if (bench.runs.empty()) return;
    // One sequence at a time, on the most threads: what a user at a terminal gets.
    const BenchRun& shown = *std::ranges::max_element(
        bench.runs, {}, [](const BenchRun& r) { return std::pair(-r.batch, r.threads); });
    run.speed = RunSpeed{.load_seconds = shown.load_s,
                         .first_token_seconds = shown.first_token_s.mean,
                         .prefill_tokens_per_second = shown.prefill_tokens_per_s.mean,
                         .decode_tokens_per_second = shown.decode_tokens_per_s.mean,
                         .ms_per_token = shown.ms_per_token(),
                         .peak_rss_bytes = shown.peak_rss_bytes,
                         .decode_joules_per_token = shown.decode_joules_per_token,
                         .conditions = fmt::format("{} threads, batch {}, a prompt of {} tokens, {} new",
                                                   shown.threads, shown.batch, shown.prompt, shown.gen)};
  }

  void add(const TasksResult& tasks) {
    Run& run = run_of(tasks.model, base_name(tasks.model));
    if (run.file_bytes == 0) look_at(run, tasks.model);
    keep_scores(run, tasks);
  }

  // A task's later score replaces the earlier one.
  static void keep_scores(Run& run, const TasksResult& tasks) {
    for (ScoredTask& task : scored_tasks(tasks)) {
      const auto found = std::ranges::find(run.tasks, task.name, &ScoredTask::name);
      if (found != run.tasks.end()) {
        *found = std::move(task);
      } else {
        run.tasks.push_back(std::move(task));
      }
    }
  }

  void add(const SensitivityResult& s) { report_.sensitivities.push_back(s); }

  // What the original's own files say, and its perplexity from what runs were compared with.
  void complete() {
    Run& original = report_.original;
    if (original.file_bytes == 0 && !original.model.empty()) look_at(original, original.model);
    for (const Run& run : report_.runs) {
      if (run.evaluation) keep_reference(*run.evaluation);
      if (original.file_bytes == 0 && run.quantization) original.file_bytes = run.quantization->source_bytes;
    }
    report_.title = original.model.empty() ? report_.runs.front().name : base_name(original.model);
  }

  void warn() {
    std::set<std::string> texts, conditions;
    for (const Run& run : report_.runs) {
      if (run.evaluation && run.evaluation->kl) {
        const EvalResult& e = *run.evaluation;
        texts.insert(fmt::format("{} tokens of {}", e.tokens, e.text.empty() ? "a text" : e.text));
      }
      if (run.speed) conditions.insert(run.speed->conditions);
    }
    if (texts.size() > 1) {
      std::string list;
      for (const std::string& t : texts) list += (list.empty() ? "" : "; ") + t;
      report_.warnings.push_back("runs were measured on different texts, their losses are not comparable: " +
                                 list);
    }
    if (conditions.size() > 1)
      report_.warnings.emplace_back("speeds were measured in different ways and are not comparable");
    warn_of_tasks();
  }

  // A task that was put to one model in another way than to the next.
  void warn_of_tasks() {
    std::map<std::string, std::set<std::string>> ways;
    const auto look = [&](const Run& run) {
      for (const ScoredTask& task : run.tasks)
        ways[task.name].insert(
            fmt::format("{} questions with {} examples", task.questions, task.num_fewshot));
    };
    look(report_.original);
    for (const Run& run : report_.runs) look(run);
    for (const auto& [task, set] : ways) {
      if (set.size() < 2) continue;
      report_.warnings.push_back(fmt::format(
          "{} was put in different ways, its scores are not comparable: {}", task, fmt::join(set, "; ")));
    }
  }

  std::vector<Source> sources_;
  RunReport report_;
};

}  // namespace

RunReport collect_runs(const std::vector<std::string>& paths) {
  std::vector<Source> sources;
  for (const std::string& path : paths) {
    if (!fs::exists(path)) throw Error(ErrorKind::kIo, path, "no such file or folder");
    const bool is_model = fs::is_directory(path) || fs::path(path).extension() == ".gguf";
    sources.push_back(is_model ? Source(ModelFolder{path}) : read_file(path));
  }
  RunReport report = Collector(std::move(sources)).collect();
  report.verdict = judge(report);
  return report;
}

}  // namespace fptq
