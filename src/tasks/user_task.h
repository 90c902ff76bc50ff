// A task that a user describes in a small YAML file (docs/tasks.md), with the questions in JSON lines.
#pragma once

#include <filesystem>

#include "tasks/task.h"

namespace fptq {

// Data files are relative to the YAML file's folder. Throws Error(kIo) when it cannot be read and
// Error(kBadModel, "file:line:key") when it is malformed.
Task read_user_task(const std::filesystem::path& path);

}  // namespace fptq
