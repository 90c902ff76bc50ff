// Any number of quantized models side by side, against the unquantized one: what was lost, where and why, and
// what to change first. As one self-contained HTML page, JSON, CSV, or a Markdown model card.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fptq/bench.h"
#include "fptq/eval.h"
#include "fptq/quantize.h"
#include "fptq/sensitivity.h"
#include "fptq/tasks.h"

namespace fptq {

// What is not known is 0.
struct RunSpeed {
  double load_seconds = 0, first_token_seconds = 0;
  double prefill_tokens_per_second = 0, decode_tokens_per_second = 0;
  double ms_per_token = 0;  // between two tokens of one sequence
  uint64_t peak_rss_bytes = 0;
  std::optional<double> decode_joules_per_token = {};
  std::string conditions = {};  // "2 threads, batch 1"; runs are comparable where these agree
};

struct Run {
  std::string name;   // no two of a report have the same
  std::string model;  // path, or empty where only figures are there
  std::string method, scheme;
  double bits_per_weight = 0;  // of the blocks' linear layers; 0: not known
  uint64_t file_bytes = 0;
  std::optional<EvalResult> evaluation;
  std::optional<RunSpeed> speed;
  std::vector<ScoredTask> tasks;               // no two with the same name
  std::optional<QuantizeReport> quantization;  // decisions and errors, layer by layer
  std::string failure;                         // why there is no result
};

// One thing to change, and its price.
struct Advice {
  std::string what = {};     // one sentence: the change
  std::string why = {};      // the figures behind it
  double bits = 0;           // that it adds to the bits per weight
  std::string recipe = {};   // for --recipe, or empty
  std::string options = {};  // of `fptq quantize`, or empty
};

// How far a run is from the original, by its mean KL divergence.
enum class Grade : uint8_t {
  kUnknown,  // not measured
  kSame,     // < 0.01
  kClose,    // < 0.05
  kNear,     // < 0.15
  kFar,      // < 0.5
  kBroken,   // all above, and what is not a number
};

// Derived from the figures by the rules that docs/report.md states.
struct Verdict {
  std::string headline;                // one sentence
  std::vector<std::string> sentences;  // what else to know
  std::string focus;                   // name of the run that advice and details are about, or empty
  std::vector<Advice> advice;          // the most useful first
};

struct RunReport {
  std::string title;
  Run original;  // its evaluation has no divergence
  std::vector<Run> runs;
  std::vector<SensitivityResult> sensitivities;
  Verdict verdict;
  std::vector<std::string> warnings;  // results that are not comparable
};

// Each of `paths` is a model (a folder that `fptq quantize` wrote, with its fptq_report.json, or any other
// model), or a file of results: what `quantize`, `eval`, `compare`, `bench` and `sensitivity` print with
// --json. Results about the same model become one run. Throws Error naming the file: kIo when it cannot be
// read, kBadModel for what is none of these, kUsage when there is nothing but the original.
RunReport collect_runs(const std::vector<std::string>& paths);

Grade grade(const Run& run);
// The verdict on what `report` holds; its own `verdict` is not looked at.
Verdict judge(const RunReport& report);

std::string to_html(const RunReport& report);  // below 3 MB: tables that do not fit are left out, and named
std::string to_json(const RunReport& report);  // schema fptq.report.v1
std::string to_csv(const RunReport& report);   // run,part,layer,name,metric,value: a line for each number
std::string to_markdown(const RunReport& report);  // a model card

}  // namespace fptq
