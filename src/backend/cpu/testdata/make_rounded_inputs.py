"""Golden data of round_activations_test.cc, from compressed-tensors (0.20): python make_rounded_inputs.py

Two tokens as each kind of input quantization leaves them. Floats travel as the bits of their float32."""
import json
import os

import torch
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import fake_quantize
from compressed_tensors.quantization.utils import calculate_qparams, compute_dynamic_scales_and_zp

bits_of = lambda t: t.contiguous().view(torch.int32).flatten().tolist()

torch.manual_seed(5)
x = torch.randn(1, 2, 37) * torch.tensor([3.0, 0.01]).reshape(1, 2, 1)
x[0, 0, :4] = torch.tensor([0.0, -0.0, 40.0, -40.0])


def case(**kwargs):
    args = QuantizationArgs(**kwargs)
    if args.dynamic:
        scale, zero = compute_dynamic_scales_and_zp(x, args, None)
    else:
        # Narrower than the values, so that clamping takes part.
        scale, zero = calculate_qparams(torch.tensor([-2.0]), torch.tensor([3.0]), args)
    y = fake_quantize(x, scale, None if args.symmetric else zero, args)
    out = {"mode": "token" if args.dynamic else "static", "type": args.type, "bits": args.num_bits,
           "symmetric": args.symmetric, "y": bits_of(y)}
    return out if args.dynamic else out | {"scale": bits_of(scale)[0], "zero": int(zero.float())}


cases = []
for bits in (8, 4):
    for symmetric in (True, False):
        cases += [case(num_bits=bits, symmetric=symmetric, strategy="token", dynamic=True),
                  case(num_bits=bits, symmetric=symmetric, strategy="tensor")]
cases += [case(num_bits=8, type="float", strategy="token", dynamic=True), case(num_bits=8, type="float", strategy="tensor")]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rounded_inputs.json")
with open(path, "w") as f:
    json.dump({"width": x.shape[-1], "x": bits_of(x), "cases": cases}, f, separators=(",", ":"))
    f.write("\n")
