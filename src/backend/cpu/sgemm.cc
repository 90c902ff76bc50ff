#include "backend/cpu/sgemm.h"

#include <dnnl.h>
#include <omp.h>

#include "fptq/error.h"

namespace fptq {
namespace {

// Debian's oneDNN runs on OpenMP. Our pool already has a thread on every core, so each call must stay on its
// own; the setting is per thread and is put back for the host program.
class OneOpenMpThread {
 public:
  OneOpenMpThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneOpenMpThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }

 private:
  int before_;
};

}  // namespace

void sgemm_nt(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
              float* c, int64_t ldc) {
  const OneOpenMpThread one_thread;
  if (dnnl_sgemm('N', 'T', m, n, k, 1.0f, a, lda, b, ldb, 0.0f, c, ldc) != dnnl_success) {
    throw Error(ErrorKind::kFailure, "backend", "oneDNN refused a matrix product");
  }
}

}  // namespace fptq
