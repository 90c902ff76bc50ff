#include "report/table.h"

#include <algorithm>

#include "report/text.h"

namespace fptq::report {

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::render(int indent) const {
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  const bool has_header = std::any_of(titles.begin(), titles.end(), [](const auto& t) { return !t.empty(); });

  std::vector<int64_t> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    int64_t width = display_width(titles[c]);
    for (const auto& row : rows_) width = std::max(width, display_width(row[c]));
    widths.push_back(width);
  }

  std::string out;
  const auto append_line = [&](const std::vector<std::string>& cells) {
    std::string line(static_cast<size_t>(indent), ' ');
    for (size_t c = 0; c < cells.size(); ++c) {
      if (c != 0) line += "  ";
      const std::string padding(static_cast<size_t>(widths[c] - display_width(cells[c])), ' ');
      line += columns_[c].align == Align::kRight ? padding + cells[c] : cells[c] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  };
  if (has_header) append_line(titles);
  for (const auto& row : rows_) append_line(row);
  return out;
}

std::string Table::markdown() const {
  std::string out;
  const auto append_line = [&](const std::vector<std::string>& cells) {
    for (const std::string& cell : cells) {
      out += "| ";
      for (const char c : cell) {
        if (c == '|') out += '\\';
        out += c;
      }
      out += ' ';
    }
    out += "|\n";
  };
  std::vector<std::string> titles, rules;
  for (const Column& column : columns_) {
    titles.push_back(column.title);
    rules.emplace_back(column.align == Align::kRight ? "---:" : "---");
  }
  append_line(titles);
  append_line(rules);
  for (const auto& row : rows_) append_line(row);
  return out;
}

}  // namespace fptq::report
