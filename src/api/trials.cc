#include "fptq/trials.h"

#include <fmt/format.h>

#include <limits>
#include <new>
#include <utility>

#include "api/engine.h"
#include "api/evaluation_text.h"
#include "api/held_out_text.h"
#include "api/measure_alone.h"
#include "api/peak_memory.h"
#include "api/quantize_setup.h"
#include "api/scheme_name.h"
#include "api/trial_evaluation.h"
#include "api/trial_record.h"
#include "api/trial_tasks.h"
#include "api/work_folder.h"
#include "base/hash.h"
#include "fptq/error.h"
#include "fptq/inspect.h"
#include "fptq/machine.h"
#include "quant/settings.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

// Phases under the name of the trial that they belong to.
class NamedProgress final : public Progress {
 public:
  NamedProgress(Progress& progress, std::string prefix) : progress_(progress), prefix_(std::move(prefix)) {}
  void begin(const std::string& phase, int64_t total) override { progress_.begin(prefix_ + phase, total); }
  void update(int64_t done, const std::string& detail) override { progress_.update(done, detail); }
  void end() override { progress_.end(); }

 private:
  Progress& progress_;
  std::string prefix_;
};

// Size and time of a calibration file, if it is one: what it holds belongs to what determines a model.
std::string file_stamp(const std::string& path) {
  std::error_code ec;
  const uint64_t size = fs::file_size(path, ec);
  if (ec) return {};
  const auto time = fs::last_write_time(path, ec);
  return ec ? std::string() : fmt::format("{} {}", size, time.time_since_epoch().count());
}

class TrialRunner {
 public:
  TrialRunner(const std::string& model, const TrialOptions& options, size_t trials, Progress& progress)
      : path_(model),
        options_(options),
        progress_(progress),
        source_(open_source(model)),
        tasks_(options),
        work_(options.work),
        source_key_(run_fingerprint(source_, QuantizeOptions{}, {})),
        evaluation_(source_, source_key_, work_ / "", options),
        speed_key_(speed_key()),
        steps_(trials + 1) {}

  int64_t ctx() const { return evaluation_.ctx(); }
  int64_t tokens() const { return evaluation_.tokens(); }
  TrialResult original();
  TrialResult run(const Trial& trial);

 private:
  // A trial on its way: what is known, and where that is kept.
  struct Work {
    TrialRecord record;
    fs::path record_path;
    std::string model;  // path
  };

  QuantizeOptions effective(const QuantizeOptions& asked) const;
  std::string fingerprint(const QuantizeOptions& options) const;
  std::string speed_key() const;
  Work open(const std::string& name, const std::string& fingerprint) const;
  bool finished(const TrialRecord& record) const;
  void describe(Work& work) const;
  void quantize_if_needed(Work& work, const QuantizeOptions& options, Progress& progress) const;
  void evaluate_if_needed(Work& work, bool is_original, Progress& progress) const;
  void answer_if_needed(Work& work, Progress& progress) const;
  void measure_if_needed(Work& work, Progress& progress) const;
  void fill(const TrialRecord& record, TrialResult& result) const;
  void drop_models(const Work& work, const TrialResult& result);

  std::string path_;
  const TrialOptions& options_;
  Progress& progress_;
  Checkpoint source_;
  TrialTasks tasks_;
  WorkFolder work_;
  std::string source_key_;
  TrialEvaluation evaluation_;
  std::string speed_key_;
  size_t steps_, step_ = 0;
  double best_kl_ = std::numeric_limits<double>::infinity();
  std::string best_model_;
};

QuantizeOptions TrialRunner::effective(const QuantizeOptions& asked) const {
  QuantizeOptions options = asked;
  options.evaluate = false;  // all are evaluated the same way, afterwards
  options.eval_text.clear();
  options.overwrite = true;  // of a folder of ours whose record was lost
  options.command = fmt::format("fptq compare (in {})", options_.work);
  options.threads = options_.threads;
  return options;
}

std::string TrialRunner::speed_key() const {
  const MachineFacts machine = machine_facts();
  const int threads = options_.threads == 0 ? machine.usable_cores : options_.threads;
  Hasher hasher;
  hasher.add(fmt::format("{}\n{}\n{} threads\n{}\n{}\n", machine.cpu, machine.isa, threads, options_.prompt,
                         options_.max_new_tokens));
  return hasher.hex();
}

std::string TrialRunner::fingerprint(const QuantizeOptions& options) const {
  Hasher hasher;
  hasher.add(run_fingerprint(source_, options, {})).add(file_stamp(options.calibration.source));
  return hasher.hex();
}

TrialRunner::Work TrialRunner::open(const std::string& name, const std::string& fingerprint) const {
  const std::string stem = fmt::format("{}-{}", name, fingerprint.substr(0, 12));
  Work work;
  work.record_path = work_ / (stem + ".json");
  work.model = (work_ / stem).string();
  work.record = load_record(work.record_path, fingerprint);
  return work;
}

bool TrialRunner::finished(const TrialRecord& record) const {
  return record.model && record.evaluations.contains(evaluation_.key()) &&
         (!tasks_.asked() || record.tasks.contains(tasks_.key())) &&
         (!options_.measure_speed || record.speeds.contains(speed_key_));
}

// What can be said about the model without running it.
void TrialRunner::describe(Work& work) const {
  const ModelSummary summary = inspect(work.model, false);
  work.record.model->bits_per_weight = summary.bits_per_weight;
  work.record.model->file_bytes = summary.file_bytes;
  work.record.model->scheme = scheme_name(*open_checkpoint(work.model, ValueChecks::kNone).weights);
}

void TrialRunner::quantize_if_needed(Work& work, const QuantizeOptions& options, Progress& progress) const {
  if (work.record.model && fs::exists(work.model)) return;
  reset_peak_rss();
  const QuantizeReport report = quantize(path_, work.model, options, progress);
  work.record.recipe = recipe_json(options, source_.weights->config(), {});
  TrialModel& made = work.record.model.emplace();
  made.seconds = report.seconds;
  made.resumed = report.resumed;
  made.peak_rss_bytes = peak_rss_since_reset();
  describe(work);
  save_record(work.record_path, work.record);
}

void TrialRunner::evaluate_if_needed(Work& work, bool is_original, Progress& progress) const {
  if (work.record.evaluations.contains(evaluation_.key())) return;
  work.record.evaluations[evaluation_.key()] =
      is_original ? evaluation_.original(progress) : evaluation_.of(work.model, progress);
  save_record(work.record_path, work.record);
}

void TrialRunner::answer_if_needed(Work& work, Progress& progress) const {
  if (!tasks_.asked() || work.record.tasks.contains(tasks_.key())) return;
  work.record.tasks[tasks_.key()] = tasks_.of(work.model, work.record_path, progress);
  save_record(work.record_path, work.record);
}

void TrialRunner::measure_if_needed(Work& work, Progress& progress) const {
  if (!options_.measure_speed || work.record.speeds.contains(speed_key_)) return;
  AloneOptions alone;
  alone.text = held_out_text();
  alone.prompt = options_.prompt;
  alone.max_new_tokens = options_.max_new_tokens;
  alone.threads = options_.threads;
  progress.begin("measure speed", 0);
  progress.update(0, "");
  reset_peak_rss();  // a child process starts with what this one has not given back
  const AloneResult result = measure_alone(work.model, alone);
  progress.end();
  work.record.speeds[speed_key_] = {result.load_seconds, result.prefill_tokens_per_second,
                                    result.decode_tokens_per_second, result.peak_rss_bytes, result.sample};
  save_record(work.record_path, work.record);
}

void TrialRunner::fill(const TrialRecord& record, TrialResult& result) const {
  if (record.model) {
    result.scheme = record.model->scheme;
    result.bits_per_weight = record.model->bits_per_weight;
    result.file_bytes = record.model->file_bytes;
    result.quantize_seconds = record.model->seconds;
    result.quantize_resumed = record.model->resumed;
    result.quantize_peak_rss_bytes = record.model->peak_rss_bytes;
  }
  if (const auto found = record.evaluations.find(evaluation_.key()); found != record.evaluations.end()) {
    result.evaluation = found->second;
  }
  if (const auto found = record.speeds.find(speed_key_);
      options_.measure_speed && found != record.speeds.end()) {
    result.speed = found->second;
  }
  if (const auto found = record.tasks.find(tasks_.key()); tasks_.asked() && found != record.tasks.end()) {
    result.tasks = found->second;
  }
}

void TrialRunner::drop_models(const Work& work, const TrialResult& result) {
  if (options_.keep == KeepModels::kAll || work.model == best_model_) return;
  std::string dropped = work.model;
  const bool has_kl = result.failure.empty() && result.evaluation && result.evaluation->kl;
  if (options_.keep == KeepModels::kBest && has_kl && result.evaluation->kl->mean < best_kl_) {
    best_kl_ = result.evaluation->kl->mean;
    dropped = std::exchange(best_model_, work.model);
  }
  if (dropped.empty()) return;
  std::error_code ec;
  fs::remove_all(dropped, ec);
  if (ec) throw Error(ErrorKind::kIo, dropped, "cannot remove: " + ec.message());
}

TrialResult TrialRunner::original() {
  NamedProgress progress(progress_, fmt::format("[{}/{}] original: ", ++step_, steps_));
  Work work = open("original", source_key_);
  work.model = path_;
  TrialResult result;
  result.name = "original";
  result.model = path_;
  result.reused = finished(work.record);
  if (!work.record.model) {
    work.record.model.emplace();
    describe(work);
  }
  evaluate_if_needed(work, true, progress);
  answer_if_needed(work, progress);
  measure_if_needed(work, progress);
  fill(work.record, result);
  return result;
}

TrialResult TrialRunner::run(const Trial& trial) {
  NamedProgress progress(progress_, fmt::format("[{}/{}] {}: ", ++step_, steps_, trial.name));
  const QuantizeOptions options = effective(trial.options);
  TrialResult result;
  result.name = trial.name;
  result.method = options.method;
  Work work;
  try {
    check_options(options);  // the method's name becomes a file's
    work = open(options.method, fingerprint(options));
    result.reused = finished(work.record);
    if (!result.reused) {
      quantize_if_needed(work, options, progress);
      evaluate_if_needed(work, false, progress);
      answer_if_needed(work, progress);
      measure_if_needed(work, progress);
    }
  } catch (const Error& e) {
    result.failure = e.what();
  } catch (const std::bad_alloc&) {
    result.failure = "out of memory";
  }
  fill(work.record, result);
  drop_models(work, result);
  result.model = work.model;
  return result;
}

}  // namespace

TrialsResult run_trials(const std::string& model, const std::vector<Trial>& trials,
                        const TrialOptions& options, Progress& progress) {
  TrialRunner runner(model, options, trials.size(), progress);
  TrialsResult result;
  result.text = evaluation_text_name(options.text);
  result.ctx = runner.ctx();
  result.tokens = runner.tokens();
  result.original = runner.original();
  for (const Trial& trial : trials) result.trials.push_back(runner.run(trial));
  for (TrialResult& trial : result.trials) {
    if (!fs::exists(trial.model)) trial.model.clear();  // never made, or not kept
  }
  return result;
}

}  // namespace fptq
