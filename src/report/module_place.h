// Where a linear layer stands, from its name.
#pragma once

#include <cstdint>
#include <string>

namespace fptq::report {

struct ModulePlace {
  int64_t layer = -1;  // -1: in no block, as "lm_head"
  std::string name;    // "down_proj"
};

// Of "model.layers.29.mlp.down_proj".
ModulePlace module_place(const std::string& module);

}  // namespace fptq::report
