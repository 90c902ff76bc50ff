// Which questions run side by side, and which prefix they share.
#pragma once

#include <span>
#include <vector>

#include "tasks/request_scorer.h"

namespace fptq {

// Questions [begin, end) of a task; the first `prefix` ids of all their requests are the same.
struct Batch {
  int64_t begin = 0, end = 0;
  int64_t prefix = 0;
};

// A function of the requests alone, so that a run that was killed computes the rest as it would have. The
// prefix is what all questions of the task share (a description, fixed few-shot examples); questions whose
// beginning was cut off run alone.
std::vector<Batch> plan_batches(std::span<const RequestGroup> groups);

}  // namespace fptq
