"""Golden data of this folder's tests, from the reference in ../shared (PyTorch).

    python make_golden.py REFERENCE_DIR MODEL_DIR     # shared/reference, data/stories260k

grid.json: codes, scales and zero points of one small matrix. Floats travel as the bits of their float32.
gptq.json: what the reference's GPTQ makes of a matrix whose inputs are correlated.
observed.json: channel maxima of every input of a real model on fixed tokens, and for thresholds that reach every branch, the
decision, the static scale and each matrix's relative error.
"""
import json
import os
import sys

import torch

sys.path.insert(0, sys.argv[1])
import fake_quant as ref  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
bits_of = lambda t: t.contiguous().view(torch.int32).flatten().tolist()


def rounded_grid(w, bits, symmetric, dtype):
    """The reference's scales as stored in `dtype`, and the zero points that follow from those."""
    d, z = ref.grid(w, bits, symmetric)
    d = d.to(dtype).float()
    if z is not None:
        v = w.reshape(w.shape[0], -1, ref.GROUP)
        z = (-v.amin(-1, keepdim=True).clamp_max(0) / d).round().clamp(0, 2**bits - 1)
    return d, z


def grid_cases():
    torch.manual_seed(7)
    ref.GROUP = 32
    w = torch.randn(4, 64) * torch.tensor([[0.02], [1.0], [37.0], [3e-4]])
    w[0, :32] = w[0, :32].abs()  # a group of one sign
    w[1, 0:8] = torch.tensor([7.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -7.0])  # with scale 1, halves
    w[1, 8:32].clamp_(-7, 7)
    w[2, 32:] = torch.where(torch.rand(32) < 0.9, torch.zeros(32), w[2, 32:])
    cases = []
    for bits in (4, 8):
        for symmetric in (True, False):
            for name, dtype in (("F32", torch.float32), ("BF16", torch.bfloat16), ("F16", torch.float16)):
                d, z = rounded_grid(w, bits, symmetric, dtype)
                back = ref.round_to(w.reshape(4, -1, 32), d, z, bits)
                offset = 0 if symmetric else 2 ** (bits - 1)
                codes = (back / d).round() + (0 if symmetric else z - offset)
                cases.append({"bits": bits, "symmetric": symmetric, "dtype": name, "scales": bits_of(d),
                              "zeros": [0] * d.numel() if symmetric else (z - offset).int().flatten().tolist(),
                              "codes": codes.int().flatten().tolist()})
    return {"rows": 4, "cols": 64, "group_size": 32, "weights": bits_of(w), "cases": cases}


def gptq_inputs(tokens, n):
    """Integers, so that second moments are exact: white noise, a shared component, and channels of different loudness."""
    t, j = torch.arange(tokens)[:, None], torch.arange(n)[None]
    white = (t * t * 7 + j * j * 3 + t * j * 13) % 61 - 30
    shared = (t * 37) % 41 - 20
    return (white + shared * (1 + j % 3)) * (100 + (j * 37) % 193) * torch.where(j % 29 == 5, 4, 1)


def gptq_cases():
    torch.manual_seed(3)
    ref.GROUP = 32
    rows, n, tokens = 8, 192, 256
    x, w = gptq_inputs(tokens, n).double(), torch.randn(rows, n)
    moment = (x.T @ x / tokens).float()
    cases = []
    for symmetric in (True, False):
        q = ref.gptq(w, moment, symmetric=symmetric)
        d, z = ref.grid(w, 4, symmetric)
        codes = (q.reshape(rows, -1, 32) / d).round() + (0 if symmetric else z - 8)
        e = (q - w).double()
        cases.append({"symmetric": symmetric, "codes": codes.int().flatten().tolist(),
                      "loss": (e @ moment.double() * e).sum().item()})
    return {"rows": rows, "cols": n, "group_size": 32, "tokens": tokens, "weights": bits_of(w), "cases": cases}


def observed(path):
    model = ref.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    window, count = 48, 3
    ids = [3 + (i * i * 7 + i * 13) % 509 for i in range(window * count)]
    maxima, _ = ref.observe(model, ids, seq=window)
    v0, v1 = 3.0, 6.0
    inputs = []
    for (layer, first), a in sorted(maxima.items(), key=lambda item: item[0][0]):
        names, norm = next(i for i in ref.INPUTS if i[0][0] == first)
        v, s = a.max().item(), None
        if v0 < v < v1 and norm:
            s = ref.lae(a)
        kind = "static" if v <= v0 or s is not None else "token"
        scale = ((a if s is None else a / s).max() / 127).item() if kind == "static" else 0.0
        errors = []
        for n in names:
            w = ref.get(model.model.layers[layer], n).weight.data * (1 if s is None else s)
            ref.GROUP = 64 if w.shape[1] % 64 == 0 else w.shape[1]
            d, z = rounded_grid(w, 4, True, torch.float32)
            e = ref.round_to(w.reshape(w.shape[0], -1, ref.GROUP), d, z, 4).reshape(w.shape).double() - w.double()
            errors.append((e.square().sum() / w.double().square().sum()).item())
        inputs.append({"layer": layer, "modules": names, "maxima": [float(f"{x:.9g}") for x in a.tolist()],
                       "equalized": s is not None, "activation": kind, "scale": scale, "errors": errors})
    return {"window": window, "windows": count, "static_threshold": v0, "dynamic_threshold": v1, "inputs": inputs}


for name, value in (("grid", grid_cases()), ("gptq", gptq_cases()), ("observed", observed(sys.argv[2]))):
    with open(os.path.join(HERE, name + ".json"), "w") as f:
        json.dump(value, f, separators=(",", ":"))
        f.write("\n")
