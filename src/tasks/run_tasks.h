// From names of tasks to their scores.
#pragma once

#include <memory>
#include <string>

#include "fptq/progress.h"
#include "fptq/tasks.h"
#include "model/forward.h"
#include "tokenizer/tokenizer.h"

namespace fptq {

// Throws Error(kUsage) naming the option where one is out of its range or no task is named.
void check_options(const TaskOptions& options);

// 32 digits of all that the scores depend on but the model: questions as they are put, what is right, what is
// counted, the seed. Reads all data and throws as run_tasks() does.
std::string tasks_key(const TaskOptions& options);

// Sets tasks, groups and the counts of the result. `identity` names the model's weights in the file of
// answers. All data are read, and refused if they must be, before the model runs. The result does not depend
// on the number of threads, nor on how often the run was killed and gone on with.
TasksResult run_tasks(Model& model, const Tokenizer& tokenizer, KvType kv, const std::string& identity,
                      const TaskOptions& options, Progress& progress);

}  // namespace fptq
