#include "report/page/html.h"

#include <fmt/format.h>

#include <cmath>

#include "report/svg_parts.h"

namespace fptq::report {

std::string HtmlTable::html() const {
  std::string out = fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\"><table><caption>{0}</caption>"
      "<thead><tr>",
      escaped(caption_));
  for (const Column& c : columns_)
    out += fmt::format("<th scope=\"col\"{}>{}</th>", c.number ? " class=\"number\"" : "", escaped(c.title));
  out += "</tr></thead><tbody>\n";
  for (const Row& row : rows_) {
    out += *row.style == '\0' ? "<tr>" : fmt::format("<tr class=\"{}\">", row.style);
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const Cell& cell = row.cells[i];
      std::string style = cell.style;
      if (columns_[i].number) style += style.empty() ? "number" : " number";
      out += fmt::format(
          "<{}{}{}>{}</{}>", i == 0 ? "th scope=\"row\"" : "td",
          style.empty() ? "" : fmt::format(" class=\"{}\"", style),
          cell.value && std::isfinite(*cell.value) ? fmt::format(" data-v=\"{:.6g}\"", *cell.value) : "",
          escaped(cell.text), i == 0 ? "th" : "td");
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

HtmlTable::Cell number_cell(std::optional<double> value, const std::string& text) {
  return {value ? text : "–", value};
}

std::string figure_html(const std::string& caption, const std::string& note, const std::string& wide_html,
                        const std::string& narrow_html, const std::string& table_html) {
  return fmt::format(
      "<figure><figcaption><h3>{}</h3><p>{}</p></figcaption><div class=\"wide\">{}</div>"
      "<div class=\"narrow\">{}</div>{}</figure>\n",
      escaped(caption), escaped(note), wide_html, narrow_html,
      table_html.empty() ? "" : folded_html("The same as a table", table_html));
}

std::string panels_html(const std::string& caption, const std::string& note,
                        const std::vector<std::string>& charts_html, const std::string& table_html) {
  std::string charts;
  for (const std::string& chart : charts_html) charts += "<div>" + chart + "</div>";
  return fmt::format(
      "<figure><figcaption><h3>{}</h3><p>{}</p></figcaption><div class=\"panels\">{}</div>{}</figure>\n",
      escaped(caption), escaped(note), charts,
      table_html.empty() ? "" : folded_html("The same as a table", table_html));
}

std::string folded_html(const std::string& summary, const std::string& html) {
  return fmt::format("<details><summary>{}</summary>{}</details>\n", escaped(summary), html);
}

}  // namespace fptq::report
