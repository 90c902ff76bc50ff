#include "kernels/attention/attention.h"

#include "kernels/attention/attention_tile.h"
#include "kernels/isa.h"

namespace fptq::kernels {

void attention_portable(const AttentionArgs& args);
void attention_avx2(const AttentionArgs& args);
void attention_avx512vnni(const AttentionArgs& args);

int64_t attention_scratch_floats(int64_t queries, int64_t positions) {
  return (queries < kQueryTile ? queries : kQueryTile) * attention_row_floats(positions);
}

Attention attention(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return attention_portable;
    case Isa::kAvx2:
      return attention_avx2;
    case Isa::kAvx512Vnni:
      return attention_avx512vnni;
  }
  return attention_portable;
}

}  // namespace fptq::kernels
