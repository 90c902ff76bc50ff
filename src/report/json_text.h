// How results become JSON. Keys are stable; everything that differs from run to run (times, speeds, memory)
// stands in an object `timing`, so that the rest can be compared byte for byte.
#pragma once

#include <string>

#include "base/json.h"
#include "fptq/eval.h"

namespace fptq::report {

// An object that names its schema, to add members to.
inline Json document(const char* schema) {
  return Json{{"schema", schema}};
}

// Pretty-printed, with a final newline. Bytes that are not UTF-8 become U+FFFD; numbers that are not finite,
// null.
inline std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Adds `kl` and `top1`.
void add_divergence(Json& json, const Divergence& divergence);

// The members of an evaluation without its schema.
Json evaluation_members(const EvalResult& result);

}  // namespace fptq::report
