#include "api/model_identity.h"

#include <fmt/format.h>

#include "formats/checkpoint_identity.h"
#include "kernels/isa.h"

namespace fptq {
namespace fs = std::filesystem;

std::string model_identity(const fs::path& path) {
  if (fs::is_directory(path)) {
    return fmt::format("{} {}", checkpoint_identity(path), kernels::isa_name(kernels::active_isa()));
  }
  return fmt::format("{} {} {} {}", path.filename().string(), fs::file_size(path),
                     fs::last_write_time(path).time_since_epoch().count(),
                     kernels::isa_name(kernels::active_isa()));
}

}  // namespace fptq
