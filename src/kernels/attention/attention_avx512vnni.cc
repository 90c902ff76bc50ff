#include "kernels/attention/attention_body.h"

namespace fptq::kernels {

extern const Attention kAttentionAvx512Vnni = {attend, attend_blocks, merge_blocks};

}  // namespace fptq::kernels
