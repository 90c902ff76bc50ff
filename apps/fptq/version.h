#pragma once

#include <string>

namespace fptq::app {

// "fptq 0.1.0 (git 5153ed0, gcc 12.2.0, kernels avx512vnni)\n"
std::string version_line();

}  // namespace fptq::app
