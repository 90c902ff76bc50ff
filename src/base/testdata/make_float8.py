"""Golden data of float8_test.cc, from PyTorch: python make_float8.py

Of torch.float8_e4m3fn and torch.float8_e5m2: the values of all 256 codes, and the codes of every number halfway between two
neighbours, of the floats next to it, and of the ends of the range, each after clamping to the type's range (so does
compressed-tensors). Floats travel as the bits of their float32."""
import json
import os

import torch

bits_of = lambda t: t.contiguous().view(torch.int32).flatten().tolist()


def table(dtype):
    values = torch.arange(256, dtype=torch.int16).to(torch.uint8).view(dtype).float()
    top = torch.finfo(dtype).max
    positive = values[:128][values[:128].isfinite()]
    halves = (positive[1:] + positive[:-1]) / 2
    inf = torch.tensor(float("inf"))
    samples = torch.cat([positive, halves, torch.nextafter(halves, inf), torch.nextafter(halves, -inf),
                         torch.tensor([1e-45, 1e-30, 1e30, float("inf"), float("nan"), top * 1.01, top * 1.1])])
    samples = torch.cat([samples, -samples])
    codes = samples.clamp(-top, top).to(dtype).view(torch.uint8)
    return {"values": bits_of(values), "samples": bits_of(samples), "codes": codes.tolist()}


golden = {"e4m3": table(torch.float8_e4m3fn), "e5m2": table(torch.float8_e5m2)}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "float8.json")
with open(path, "w") as f:
    json.dump(golden, f, separators=(",", ":"))
    f.write("\n")
