#include "kernels/quantize_activations/quantize_activations.h"

#include "kernels/isa.h"

namespace fptq::kernels {

extern const QuantizeActivations kQuantizeActivationsPortable, kQuantizeActivationsAvx2,
    kQuantizeActivationsAvx512Vnni;

const QuantizeActivations& quantize_activations(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return kQuantizeActivationsPortable;
    case Isa::kAvx2:
      return kQuantizeActivationsAvx2;
    case Isa::kAvx512Vnni:
    case Isa::kAmxInt8:
      return kQuantizeActivationsAvx512Vnni;
  }
  return kQuantizeActivationsPortable;
}

}  // namespace fptq::kernels
