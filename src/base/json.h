// JSON from files that nobody vouches for, on nlohmann-json: strict UTF-8, bounded depth and size, and
// duplicate keys are an error (the plain DOM parser would silently keep one of them).
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace fptq {

// Objects keep the order of their keys, so that what is written reads like what was meant.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  size_t max_bytes = size_t{100} << 20;
  int max_depth = 128;
};

// Parses `text`; throws Error(kBadModel, where, ...) naming the byte position.
Json parse_json(std::string_view text, const std::string& where, const JsonLimits& limits = {});

// Typed access to a member of an object. `where` is the file; errors name `where:key`, expected and found.
// The versions with a fallback return it when the key is absent or null.
int64_t json_int(const Json& object, const char* key, const std::string& where);
int64_t json_int(const Json& object, const char* key, const std::string& where, int64_t fallback);
double json_number(const Json& object, const char* key, const std::string& where);
double json_number(const Json& object, const char* key, const std::string& where, double fallback);
bool json_bool(const Json& object, const char* key, const std::string& where, bool fallback);
std::string json_string(const Json& object, const char* key, const std::string& where);
std::string json_string(const Json& object, const char* key, const std::string& where,
                        const std::string& fallback);
// Null when absent or JSON null.
const Json* json_find(const Json& object, const char* key);

}  // namespace fptq
