// Labels that stand in a file beside the questions, one a line.
#pragma once

#include <filesystem>
#include <vector>

#include "tasks/question.h"

namespace fptq {

// Sets the answers of `items` from "NAME-labels.lst" beside `path`, "NAME.jsonl"; the first choice has the
// label `first`. Throws Error(kIo) when it is missing, Error(kBadModel) when it does not fit.
void add_labels(const std::filesystem::path& path, int64_t first, std::vector<Item>& items);

}  // namespace fptq
