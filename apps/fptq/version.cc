#include "fptq/version.h"

#include <fmt/format.h>

#include "version.h"

namespace fptq::app {
namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "gcc " __VERSION__;
#endif

}  // namespace

std::string version_line() {
  return fmt::format("fptq {} (git {}, {}, kernels {})\n", version_string(), FPTQ_GIT_ID, kCompiler,
                     active_instruction_set());
}

}  // namespace fptq::app
