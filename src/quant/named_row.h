// Looking up a row of one of the house's tables by its name.
#pragma once

#include <fmt/format.h>

#include <string>

#include "fptq/error.h"

namespace fptq {

// The row of `table` whose `name` is that one. Throws Error(kUsage, what) with the names that exist.
template <typename Table>
const auto& find_row(const Table& table, const char* what, const std::string& name) {
  std::string known;
  for (const auto& row : table) {
    if (name == row.name) return row;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorKind::kUsage, what, fmt::format("\"{}\" is unknown, expected one of: {}", name, known));
}

}  // namespace fptq
