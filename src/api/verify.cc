#include "fptq/verify.h"

#include "formats/manifest.h"

namespace fptq {

VerifyReport verify(const std::string& directory) {
  return verify_folder(directory);
}

}  // namespace fptq
