// Golden data of this folder (testdata/make_golden.py). For tests.
#pragma once

#include <bit>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "base/json.h"

namespace fptq {

inline Json golden(const std::string& name) {
  const std::string path = std::string(FPTQ_SOURCE_DIR) + "/src/quant/testdata/" + name;
  return parse_json(read_text_file(path), path);
}

// Floats that travelled as their bits.
inline std::vector<float> floats_of_bits(const Json& array) {
  std::vector<float> values;
  for (const Json& bits : array) values.push_back(std::bit_cast<float>(bits.get<int32_t>()));
  return values;
}

}  // namespace fptq
