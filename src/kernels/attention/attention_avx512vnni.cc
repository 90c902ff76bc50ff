#include "kernels/attention/attention_body.h"

namespace fptq::kernels {

void attention_avx512vnni(const AttentionArgs& args) {
  attend(args);
}

}  // namespace fptq::kernels
