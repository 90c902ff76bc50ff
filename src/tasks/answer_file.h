// Answers in a file, a JSON object a line, written as they come: what a killed run leaves behind to be gone
// on with, and what the user sees of single questions.
#pragma once

#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "tasks/answers.h"

namespace fptq {

// What one line says.
struct AnswerLine {
  std::string task = {};
  int64_t question = 0;  // index in its task
  int64_t right = 0;     // index of the right request
  Answer answer = {};
};

// Not thread-safe. Without a path nothing is kept.
class AnswerFile {
 public:
  // Opens or makes `path`. `key` names all that answers depend on: model, tasks, prompts. Throws
  // Error(kUsage) when the file holds answers of another key, Error(kIo) when it cannot be read or written.
  AnswerFile(std::filesystem::path path, const std::string& key);

  // Answers found whole in the file, in its order.
  const std::vector<AnswerLine>& found() const { return found_; }
  // Keeps the first `count` of them and cuts off the rest. To be called once, before add().
  void keep(size_t count);
  // Appends; the lines are with the operating system when it returns.
  void add(std::span<const AnswerLine> lines);

 private:
  void read(const std::string& key);

  std::filesystem::path path_;
  std::vector<AnswerLine> found_;
  std::vector<size_t> ends_;  // ends_[i]: bytes of the header and the first i answers
  std::ofstream out_;
};

}  // namespace fptq
