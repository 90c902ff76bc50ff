// Plain text tables: columns as wide as their widest cell, two spaces between them.
#pragma once

#include <string>
#include <vector>

namespace fptq::report {

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;  // a table whose titles are all empty has no header line
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell a column; a short row is filled up. Cells are made printable().
  void add(std::vector<std::string> cells);
  // Every line ends with '\n' and none with a space; each starts with `indent` spaces.
  std::string render(int indent = 0) const;
  // As a Markdown table with a header line.
  std::string markdown() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace fptq::report
