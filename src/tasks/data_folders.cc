#include "tasks/data_folders.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fptq/error.h"

namespace fptq {

namespace fs = std::filesystem;

DataFolders::DataFolders(std::vector<std::string> folders) : folders_(std::move(folders)) {
  if (folders_.empty()) folders_ = {".", "data", "bench", "../shared"};
}

FoundData DataFolders::load(const Task& task, const std::vector<Layout>& layouts) const {
  std::error_code ignored;
  for (const Layout& layout : layouts) {
    for (const fs::path folder : folders_) {
      for (const fs::path& place : {folder, folder / "bench", folder / "text"}) {
        const fs::path path = place / layout.path;
        if (!fs::is_regular_file(path, ignored)) continue;
        FoundData found{path, layout.read(path)};
        if (found.items.empty()) throw Error(ErrorKind::kBadModel, path.string(), "holds no questions");
        return found;
      }
    }
  }
  std::vector<std::string> names;
  for (const Layout& layout : layouts) names.push_back(layout.path);
  const std::string source = task.source.empty()
                                 ? "put the file there"
                                 : "get it from " + task.source + " and name its folder with --data";
  throw Error(ErrorKind::kIo, task.name,
              fmt::format("expected {} in {}, found none of them", fmt::join(names, " or "),
                          fmt::join(folders_, " or ")),
              source);
}

}  // namespace fptq
