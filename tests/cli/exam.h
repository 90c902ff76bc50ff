// A task that a user wrote.
#pragma once

#include <string>

#include "temp_folder.h"

namespace fptq {

// Writes exam.yaml and exam.jsonl, `count` questions whose second choice is always right. Returns the task's
// path.
inline std::string write_exam(const TempFolder& folder, int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i);
    lines += R"({"q": "Once upon a time there were )" + n + R"( dogs, and", "c": ["Lily )" + n +
             R"(", "they", "he was sad"], "a": 1})"
             "\n";
  }
  folder.write("exam.jsonl", lines);
  return folder
      .write("exam.yaml",
             "task: exam\ndata: exam.jsonl\ntext: \"{{q}}\"\nchoices: \"{{c}}\"\nanswer: \"{{a}}\"\n")
      .string();
}

}  // namespace fptq
