// The whole public API.
#pragma once

#include "fptq/compare.h"
#include "fptq/error.h"
#include "fptq/eval.h"
#include "fptq/generate.h"
#include "fptq/inspect.h"
#include "fptq/json_lines.h"
#include "fptq/logits.h"
#include "fptq/pack.h"
#include "fptq/progress.h"
#include "fptq/quantize.h"
#include "fptq/report.h"
#include "fptq/tokenize.h"
#include "fptq/verify.h"
#include "fptq/version.h"
