// Pieces of the HTML page. What is called `html` is markup, everything else is text and escaped here.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace fptq::report {

class HtmlTable {
 public:
  struct Column {
    std::string title;
    bool number = false;  // right-aligned, sorted by value
  };
  struct Cell {
    std::string text;
    std::optional<double> value = {};  // of a number; none sorts last
    std::string style = {};            // class
  };

  HtmlTable(std::string caption, std::vector<Column> columns)
      : caption_(std::move(caption)), columns_(std::move(columns)) {}
  // The first cell of a row is its heading.
  void add(std::vector<Cell> cells, const char* style = "") { rows_.push_back({std::move(cells), style}); }
  bool empty() const { return rows_.empty(); }
  // In a region that scrolls by itself where the page is narrower.
  std::string html() const;

 private:
  struct Row {
    std::vector<Cell> cells;
    const char* style;
  };
  std::string caption_;
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

// "-" for what is not known.
HtmlTable::Cell number_cell(std::optional<double> value, const std::string& text);

// A chart in the two widths that the style chooses between, and the same as a table behind it.
std::string figure_html(const std::string& caption, const std::string& note, const std::string& wide_html,
                        const std::string& narrow_html, const std::string& table_html);

// Small charts side by side, as many as fit.
std::string panels_html(const std::string& caption, const std::string& note,
                        const std::vector<std::string>& charts_html, const std::string& table_html);

std::string folded_html(const std::string& summary, const std::string& html);

}  // namespace fptq::report
