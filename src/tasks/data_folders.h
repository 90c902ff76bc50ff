// Finding the files of benchmarks.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tasks/task.h"

namespace fptq {

struct FoundData {
  std::filesystem::path path = {};
  std::vector<Item> items = {};
};

// Looks for files in folders, in each also below "bench" and "text", as ../shared keeps them.
class DataFolders {
 public:
  // No folders: the current one and its "data", "bench" and "../shared".
  explicit DataFolders(std::vector<std::string> folders);

  // Reads the first of `layouts` that is there. Throws Error(kIo) saying what file of `task` is missing,
  // where it was looked for and where to get it.
  FoundData load(const Task& task, const std::vector<Layout>& layouts) const;

 private:
  std::vector<std::string> folders_;
};

}  // namespace fptq
