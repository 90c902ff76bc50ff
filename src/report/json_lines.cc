#include "fptq/json_lines.h"

#include <fmt/format.h>

#include <limits>

#include "base/json.h"
#include "fptq/error.h"

namespace fptq {
namespace {

int32_t id_of(const Json& value, const std::string& where) {
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max();
  // An unsigned value beyond int64 would wrap in get<int64_t>.
  const bool fits = value.is_number_unsigned() && value.get<uint64_t>() <= static_cast<uint64_t>(kMax);
  if (!fits) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("expected token ids from 0 to {}, found {}", kMax,
                            value.dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
  return value.get<int32_t>();
}

}  // namespace

std::string text_from_json(const std::string& line, const std::string& where) {
  const Json value = parse_json(line, where);
  if (!value.is_string()) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("expected a JSON string, found {}", value.type_name()));
  }
  return value.get<std::string>();
}

std::vector<int32_t> ids_from_json(const std::string& line, const std::string& where) {
  const Json value = parse_json(line, where);
  if (!value.is_array()) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("expected a JSON array of token ids, found {}", value.type_name()));
  }
  std::vector<int32_t> ids;
  ids.reserve(value.size());
  for (const Json& id : value) ids.push_back(id_of(id, where));
  return ids;
}

std::string text_to_json(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string ids_to_json(const std::vector<int32_t>& ids) {
  return Json(ids).dump();
}

}  // namespace fptq
