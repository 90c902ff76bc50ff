#include "kernels/attention/attention.h"

#include "kernels/attention/attention_scratch.h"
#include "kernels/attention/visible.h"
#include "kernels/isa.h"

namespace fptq::kernels {

extern const Attention kAttentionPortable, kAttentionAvx2, kAttentionAvx512Vnni;

int64_t attention_scratch_floats(int64_t head_dim) {
  return scratch_layout(head_dim).end;
}

int64_t attention_partial_floats(int64_t rows, int64_t head_dim) {
  return partials_layout(rows, head_dim).end;
}

int64_t attention_first_block(const AttentionArgs& args) {
  return first_block(args);
}

int64_t attention_end_block(const AttentionArgs& args) {
  return end_block(args);
}

const Attention& attention(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return kAttentionPortable;
    case Isa::kAvx2:
      return kAttentionAvx2;
    case Isa::kAvx512Vnni:
    case Isa::kAmxInt8:
      return kAttentionAvx512Vnni;
  }
  return kAttentionPortable;
}

}  // namespace fptq::kernels
