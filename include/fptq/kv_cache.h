// The forms in which keys and values of past tokens are kept.
#pragma once

#include <string>
#include <vector>

namespace fptq {

// f32, f16, int8 (a scale per head and token), fp8 (E4M3). Where options take one of them, "auto" stands for
// what the model asks for.
std::vector<std::string> kv_names();

}  // namespace fptq
