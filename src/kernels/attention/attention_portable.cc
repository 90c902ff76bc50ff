#include "kernels/attention/attention_body.h"

namespace fptq::kernels {

void attention_portable(const AttentionArgs& args) {
  attend(args);
}

}  // namespace fptq::kernels
