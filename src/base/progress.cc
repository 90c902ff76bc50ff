#include "fptq/progress.h"

namespace fptq {

Progress& no_progress() {
  class Silent : public Progress {
    void begin(const std::string&, int64_t) override {}
    void update(int64_t, const std::string&) override {}
    void end() override {}
  };
  static Silent silent;
  return silent;
}

}  // namespace fptq
