#include "kernels/quantize_activations/quantize_activations_body.h"

namespace fptq::kernels {

extern const QuantizeActivations kQuantizeActivationsAvx512Vnni;
const QuantizeActivations kQuantizeActivationsAvx512Vnni = kQuantizeActivations;

}  // namespace fptq::kernels
