#include "kernels/quantize_activations/quantize_activations_body.h"

namespace fptq::kernels {

extern const QuantizeActivations kQuantizeActivationsPortable;
const QuantizeActivations kQuantizeActivationsPortable = kQuantizeActivations;

}  // namespace fptq::kernels
