// The one-value-a-line protocol of `fptq tokenize`: JSON strings and arrays of token ids.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fptq {

// Both throw Error(kBadModel, where, ...) when `line` is anything else; ids must fit 32 bits and not be
// negative.
std::string text_from_json(const std::string& line, const std::string& where);
std::vector<int32_t> ids_from_json(const std::string& line, const std::string& where);

// One line without its end. Bytes that are not UTF-8 become U+FFFD.
std::string text_to_json(const std::string& text);
std::string ids_to_json(const std::vector<int32_t>& ids);

}  // namespace fptq
