// The whole public API.
#pragma once

#include "fptq/compare.h"
#include "fptq/doctor.h"
#include "fptq/error.h"
#include "fptq/eval.h"
#include "fptq/generate.h"
#include "fptq/inspect.h"
#include "fptq/json_lines.h"
#include "fptq/logits.h"
#include "fptq/machine.h"
#include "fptq/progress.h"
#include "fptq/quantize.h"
#include "fptq/report.h"
#include "fptq/synth.h"
#include "fptq/tokenize.h"
#include "fptq/verify.h"
#include "fptq/version.h"
