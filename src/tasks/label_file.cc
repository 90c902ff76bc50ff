#include "tasks/label_file.h"

#include <fmt/format.h>

#include "fptq/error.h"
#include "tasks/records.h"

namespace fptq {

void add_labels(const std::filesystem::path& path, int64_t first, std::vector<Item>& items) {
  const std::filesystem::path file = path.parent_path() / (path.stem().string() + "-labels.lst");
  const std::vector<LineRecord> labels = read_lines(file);
  if (labels.size() != items.size()) {
    throw Error(ErrorKind::kBadModel, file.string(),
                fmt::format("expected {} labels, as {} has questions, found {}", items.size(),
                            path.filename().string(), labels.size()));
  }
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].answer = answer_index(labels[i].value, std::ssize(items[i].choices), first, labels[i].where);
  }
}

}  // namespace fptq
