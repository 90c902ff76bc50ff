#include "kernels/quantize_activations/quantize_activations_body.h"

namespace fptq::kernels {

extern const QuantizeActivations kQuantizeActivationsAvx2;
const QuantizeActivations kQuantizeActivationsAvx2 = kQuantizeActivations;

}  // namespace fptq::kernels
