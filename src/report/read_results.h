// Results that were written as JSON, read again. Nothing in them is believed: all throw Error(kBadModel)
// naming `where` and the key.
#pragma once

#include <string>

#include "base/json.h"
#include "fptq/bench.h"
#include "fptq/compare.h"
#include "fptq/eval.h"
#include "fptq/quantize.h"
#include "fptq/sensitivity.h"
#include "fptq/tasks.h"
#include "fptq/trials.h"

namespace fptq::report {

EvalResult evaluation_of(const Json& json, const std::string& where);
QuantizeReport quantization_of(const Json& json, const std::string& where);
CompareResult comparison_of(const Json& json, const std::string& where);
TrialsResult trials_of(const Json& json, const std::string& where);
BenchResult benchmark_of(const Json& json, const std::string& where);
TasksResult tasks_of(const Json& json, const std::string& where);
SensitivityResult sensitivity_of(const Json& json, const std::string& where);

}  // namespace fptq::report
