// Many ways to quantize one model, side by side: each is quantized, evaluated and measured in turn, and
// nothing that is finished is done twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fptq/eval.h"
#include "fptq/progress.h"
#include "fptq/quantize.h"
#include "fptq/tasks.h"

namespace fptq {

// One way to quantize the model.
struct Trial {
  std::string name;         // of its row: "gptq:asym:group-size=64"
  QuantizeOptions options;  // evaluate, overwrite, threads and command are the runner's own
};

// Which quantized models stay in the work folder. Without its model, a trial is quantized again when it has
// to be evaluated on another text or measured with other settings.
enum class KeepModels { kAll, kBest, kNone };  // best: the one of the lowest mean KL in this call

struct TrialOptions {
  std::string work;           // folder, made where it is missing; several runs may share it, one at a time
  std::string text;           // evaluation text, a file; empty: the English text that comes with the program
  int64_t ctx = 0;            // tokens of a window; 0: 1024, or the model's maximum where that is less
  int64_t max_tokens = 8192;  // of the text; 0: all
  TaskOptions tasks = {};     // which each model answers, too; answers, kv and threads are the runner's own
  bool measure_speed = true;
  std::string prompt = "What is the capital of France?";  // answered while decoding is measured
  int64_t max_new_tokens = 48;
  KeepModels keep = KeepModels::kAll;
  int threads = 0;
};

struct TrialSpeed {
  double load_seconds = 0;
  double prefill_tokens_per_second = 0;
  double decode_tokens_per_second = 0;
  uint64_t peak_rss_bytes = 0;  // of a process that ran this model alone
  std::string sample;           // greedy answer to the prompt
};

struct TrialResult {
  std::string name;
  std::string method;   // empty for the original
  std::string failure;  // why there is no result; what is known is filled in nevertheless
  bool reused = false;  // all of it was there already
  std::string model;    // path; empty when the quantized model was not kept
  std::string scheme;   // "W4A8 g64 sym"
  double bits_per_weight = 0;
  uint64_t file_bytes = 0;
  double quantize_seconds = 0;
  bool quantize_resumed = false;         // an interrupted run went on: its earlier seconds are not counted
  uint64_t quantize_peak_rss_bytes = 0;  // while quantizing
  std::optional<EvalResult> evaluation;  // of the original: without divergence
  std::optional<TrialSpeed> speed;
  std::optional<TasksResult> tasks;  // its own `model` is empty
};

struct TrialsResult {
  std::string text;
  int64_t ctx = 0, tokens = 0;
  TrialResult original;
  std::vector<TrialResult> trials;  // as they were asked for
};

// A trial that throws Error or runs out of memory becomes a row with its reason and the others go on; what
// concerns all of them (the model, the text, the tasks, the work folder) is thrown. Interrupted or killed at
// any point, the same call goes on where it was: each trial's results are a JSON file in the work folder,
// named after everything that determines them (source files, options, calibration file, version), so that a
// changed option is another file. The original runs once for each text. Models are measured in processes of
// their own: call this from a process without other threads. Throws Error(kIo) when another run holds the
// work folder.
TrialsResult run_trials(const std::string& model, const std::vector<Trial>& trials,
                        const TrialOptions& options, Progress& progress = no_progress());

}  // namespace fptq
