// What a quantization decided and measured, as JSON and back: the members that `fptq quantize --json`,
// fptq_report.json and the state of an interrupted run share. Numbers come back as they were.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "fptq/quantize.h"

namespace fptq::report {

Json to_members(const InputDecision& decision);
Json to_members(const LinearReport& linear);
Json to_members(const BlockReport& block);
// An array of their members.
template <typename T>
Json to_list(const std::vector<T>& items) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(to_members(item));
  return list;
}

// Members that older files lack stay as they are by default. Throw Error(kBadModel) naming `where` and the
// key.
InputDecision decision_of(const Json& json, const std::string& where);
LinearReport linear_of(const Json& json, const std::string& where);
BlockReport block_of(const Json& json, const std::string& where);

}  // namespace fptq::report
