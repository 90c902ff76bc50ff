// The data sets, a file each. Prompts are those of lm-evaluation-harness 0.4.13's task files of the same
// names.
#pragma once

#include <string>

#include "tasks/task.h"

namespace fptq {

Task lambada();
Task hellaswag();
Task piqa();
Task winogrande();
Task arc_easy();
Task arc_challenge();
Task openbookqa();
Task boolq();
Task social_iqa();
Task commonsense_qa();

// One of the 57 subjects, by its name in the files' names ("abstract_algebra").
Task mmlu_subject(const std::string& subject);

}  // namespace fptq
