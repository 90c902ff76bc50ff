"""Golden data of code_types_test.cc: python make_code_types.py

From bitsandbytes (0.50, on a CPU), compressed-tensors (0.20), and torch for E5M2, on weights that both sides make by one formula (weights()).
Floats travel as the bits of their float32, codes as hexadecimal bytes."""
import json
import os

import bitsandbytes.functional as bnb
import numpy as np
import torch
from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import quantize
from compressed_tensors.quantization.utils import calculate_qparams

bits_of = lambda t: t.contiguous().view(torch.int32).flatten().tolist()
hex_of = lambda t: t.contiguous().view(torch.uint8).numpy().tobytes().hex()


def weights(rows, cols):
    """8-bit fractions of magnitudes that change every 600 weights: sums of a few hundred are exact in float32, so that
    torch's mean, whose order of summation depends on the machine, is the correctly rounded one."""
    i = np.arange(rows * cols, dtype=np.uint32)
    fraction = ((i * np.uint32(2654435761)) >> np.uint32(24)).astype(np.float32) / np.float32(128) - np.float32(1)
    return torch.from_numpy(fraction * np.exp2(-(i // np.uint32(600) % np.uint32(4)).astype(np.float32))).reshape(rows, cols)


def nf4(rows, cols, nested):
    w = weights(rows, cols)
    w.view(-1)[64:128] = 0.0  # an empty block
    codes, state = bnb.quantize_4bit(w, blocksize=64, quant_type="nf4", compress_statistics=nested)
    case = {"rows": rows, "cols": cols, "nested": nested, "codes": hex_of(codes),
            "row": bits_of(bnb.dequantize_4bit(codes, state).reshape(rows, cols)[rows // 2])}
    if not nested:
        return case | {"absmax": bits_of(state.absmax)}
    return case | {"absmax": hex_of(state.absmax), "nested_absmax": bits_of(state.state2.absmax),
                   "offset": bits_of(state.offset.reshape(1))[0], "map": bits_of(state.state2.code)}


def parameters(w, args):
    if args.strategy == "tensor":
        low, high = w.min().reshape(1), w.max().reshape(1)
    elif args.strategy == "group":
        groups = w.unflatten(-1, (-1, args.group_size))
        low, high = groups.amin(-1), groups.amax(-1)
    else:
        low, high = w.amin(-1, keepdim=True), w.amax(-1, keepdim=True)
    return calculate_qparams(low, high, args)


def compressed_tensors(rows, cols, **kwargs):
    args = QuantizationArgs(**kwargs)
    w = weights(rows, cols)
    scale, zero = parameters(w, args)
    codes = quantize(w, scale, zero, args, dtype=args.pytorch_dtype())
    case = {"rows": rows, "cols": cols, "strategy": args.strategy, "scales": bits_of(scale)}
    if args.type == "float":
        return case | {"codes": hex_of(codes)}
    return case | {"bits": args.num_bits, "zeros": zero.int().flatten().tolist(),
                   "codes": hex_of(pack_to_int32(codes, args.num_bits))}


def e5m2(rows, cols):
    w = weights(rows, cols)
    scale = w.abs().amax(1, keepdim=True) / torch.finfo(torch.float8_e5m2).max
    return {"rows": rows, "cols": cols, "strategy": "channel", "type": "e5m2", "scales": bits_of(scale),
            "codes": hex_of((w / scale).to(torch.float8_e5m2))}


golden = {
    "nf4": [nf4(64, 320, True), nf4(64, 320, False), nf4(7, 43, True), nf4(5, 13, True), nf4(3, 43, False)],
    "float8": [compressed_tensors(6, 96, num_bits=8, type="float", strategy="channel"),
               compressed_tensors(6, 96, num_bits=8, type="float", strategy="tensor"),
               e5m2(6, 96)],
    "integer": [compressed_tensors(6, 96, num_bits=3, strategy="group", group_size=32, symmetric=False),
                compressed_tensors(6, 96, num_bits=3, strategy="tensor", symmetric=False),
                compressed_tensors(5, 44, num_bits=4, strategy="tensor", symmetric=False),
                compressed_tensors(5, 44, num_bits=3, strategy="channel", symmetric=False)],
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "code_types.json")
with open(path, "w") as f:
    json.dump(golden, f, separators=(",", ":"))
    f.write("\n")
