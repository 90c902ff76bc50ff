// Result structs as text: JSON for machines (stable keys, `schema` names kind and version), plain tables for
// people.
#pragma once

#include <string>

#include "fptq/bench.h"
#include "fptq/compare.h"
#include "fptq/doctor.h"
#include "fptq/eval.h"
#include "fptq/generate.h"
#include "fptq/inspect.h"
#include "fptq/pack.h"
#include "fptq/quantize.h"
#include "fptq/sensitivity.h"
#include "fptq/study.h"
#include "fptq/synth.h"
#include "fptq/tasks.h"
#include "fptq/trials.h"
#include "fptq/verify.h"

namespace fptq {

std::string to_json(const QuantizePlan& plan);
std::string to_json(const QuantizeReport& report);
// The same as a quantized model's folder keeps it, fptq_report.json: with the channel maxima of every input,
// and without what differs from run to run.
std::string report_file(const QuantizeReport& report);
std::string to_json(const EvalResult& result);
std::string to_json(const TasksResult& result);
std::string to_json(const GenerateResult& result);
std::string to_json(const CompareResult& result);
std::string to_json(const ModelSummary& summary);
std::string to_json(const VerifyReport& report);
std::string to_json(const PackReport& report);
std::string to_json(const DoctorReport& report);
std::string to_json(const SynthReport& report);
std::string to_json(const BenchResult& result);
std::string to_json(const TrialsResult& result);
std::string to_json(const StudyResult& result);
std::string to_json(const SensitivityResult& result);

std::string to_text(const QuantizePlan& plan);
// Summary: size, ratio, what was decided, perplexity change, the three worst layers.
std::string to_text(const QuantizeReport& report);
std::string explain(const QuantizeReport& report);  // one line per input: v, decision, reason
std::string to_text(const EvalResult& result);
std::string to_text(const TasksResult& result);
std::string to_text(const CompareResult& result);
std::string to_text(const ModelSummary& summary);
std::string to_text(const VerifyReport& report);
std::string to_text(const PackReport& report);
std::string to_text(const DoctorReport& report);
std::string to_text(const SynthReport& report);
std::string to_text(const BenchResult& result);
std::string to_text(const SensitivityResult& result);  // the layers that cost most
std::string to_markdown(const BenchResult& result);
std::string to_csv(const BenchResult& result);  // one line for each run, a header first
// The original first, then a row for each trial; below them why some failed.
std::string to_text(const TrialsResult& result);
std::string to_markdown(const TrialsResult& result);
std::string to_csv(const TrialsResult& result);
// The same, and where places have several trials a second table of their spread.
std::string to_text(const StudyResult& result);
std::string to_markdown(const StudyResult& result);
std::string to_csv(const StudyResult& result);  // one line for each trial
std::string to_svg(const StudyResult& result);  // KL over what was varied: curves with marks, or bars

}  // namespace fptq
