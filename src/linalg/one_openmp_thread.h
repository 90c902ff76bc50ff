// Debian's oneDNN runs on OpenMP. Our pool already has a thread on every core, so each call must stay on its
// own; the setting is per thread and is put back for the host program.
#pragma once

#include <omp.h>

namespace fptq {

class OneOpenMpThread {
 public:
  OneOpenMpThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneOpenMpThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  OneOpenMpThread(const OneOpenMpThread&) = delete;
  OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;

 private:
  int before_;
};

}  // namespace fptq
