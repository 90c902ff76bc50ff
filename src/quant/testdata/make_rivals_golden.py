"""Golden data of the rival methods, from the libraries that they are known by.

    python make_rivals_golden.py     # torch, compressed-tensors, llm-compressor 0.14

rounding.json: scales, zero points and codes that compressed-tensors makes of one matrix in every strategy.
rivals.json:
  observers    percentiles by numpy; the range that llm-compressor's MSE observer finds, and the same search with our steps.
  smoothquant  llm-compressor's scales. It takes max - min of a channel and twice max|w|: with channels that reach as far
               up as down that is the paper's formula times 2^(2 alpha - 1), which is the same for all channels.
  awq          llm-compressor's AWQ of one layer: column means, the scales it chooses and the error they leave.
  clipping     AutoAWQ's search (awq/quantize/quantizer.py) of the same layer, in NumPy.
  gptq         what llm-compressor's GPTQ (act-order, static groups) of a layer adds to its outputs' squares.
  layers       what a layer puts out with weights and inputs rounded by torch's fake quantization, or, FP8, by
               compressed-tensors'.

Data that both sides can make are whole numbers from a formula; floats travel as the bits of their float32.
"""
import json
import os

import numpy as np
import torch
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme, initialize_module_for_quantization
from compressed_tensors.quantization.lifecycle.forward import fake_quantize, quantize
from compressed_tensors.quantization.utils import calculate_qparams
from llmcompressor.modifiers.gptq.gptq_quantize import quantize_weight
from llmcompressor.modifiers.transform.awq.base import AWQModifier
from llmcompressor.modifiers.transform.awq.mappings import ResolvedMapping
from llmcompressor.modifiers.transform.smoothquant.base import SmoothQuantModifier
from llmcompressor.observers.base import Observer
from llmcompressor.observers.mse_quant import _grid_search_mse
from llmcompressor.pipelines.cache import IntermediatesCache

HERE = os.path.dirname(os.path.abspath(__file__))
bits_of = lambda t: torch.as_tensor(t, dtype=torch.float32).contiguous().view(torch.int32).flatten().tolist()


def made_inputs(tokens, n):
    """Channels of very different loudness, some of them with rare peaks."""
    t, j = torch.arange(tokens)[:, None], torch.arange(n)[None]
    noise = (t * t * 7 + j * j * 3 + t * j * 13) % 61 - 30
    loud = torch.where(j % 13 == 5, 40, 1 + (j * 37) % 7)
    return (noise * loud * torch.where((t * 5 + j) % 97 == 3, 6, 1)).float() / 64


def made_weights(rows, n):
    r, j = torch.arange(rows)[:, None], torch.arange(n)[None]
    return (((r * r * 11 + j * j * 5 + r * j * 17) % 127 - 63) * (1 + (r * 7 + j * 3) % 5)).float() / 256


def rounding():
    torch.manual_seed(11)
    w = torch.randn(4, 256) * torch.tensor([[0.02], [1.0], [37.0], [3e-4]])
    w[1, 0:8] = torch.tensor([7.5, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, -7.5])  # halves, where the scale is 1
    w[1, 8:].clamp_(-7, 7)
    cases = []
    for strategy, group in (("tensor", None), ("channel", None), ("group", 32), ("group", 64), ("group", 128)):
        for bits in (3, 4, 8):
            for symmetric in (True, False):
                args = QuantizationArgs(num_bits=bits, symmetric=symmetric, strategy=strategy, group_size=group)
                v = w.reshape(1, 1, -1) if strategy == "tensor" else w.reshape(4, -1, group or 256)
                scale, zero = calculate_qparams(v.amin(-1), v.amax(-1), args)
                if strategy == "tensor":
                    scale, zero = scale.reshape(1), zero.reshape(1)
                codes = quantize(w, scale, zero, args)
                cases.append({"strategy": strategy, "group_size": group or 0, "bits": bits, "symmetric": symmetric,
                              "scales": bits_of(scale), "zeros": zero.int().flatten().tolist(),
                              "codes": codes.to(torch.int8).numpy().tobytes().hex()})
    return {"rows": 4, "cols": 256, "weights": bits_of(w), "cases": cases}


def search_with_our_steps(x):
    """llm-compressor's loop with steps of range / 127."""
    whole, best, least, in_vain = x.abs().max(), None, float("inf"), 0
    for i in range(20):
        reach = whole * (1 - i / 100)
        d = reach / 127
        error = ((x / d).round().clamp(-128, 127) * d - x).abs().double().pow(2.4).sum().item()
        if error < least:
            least, best, in_vain = error, reach, 0
        else:
            in_vain += 1
            if in_vain == 5:
                break
    return best.item()


def observers():
    tokens, n = 96, 64
    cases = []
    for divisor in (1, 2, 3, 6, 40):
        # Loud channels are made quieter, which leaves other shares of the values in the tail.
        s = torch.where(torch.arange(n) % 13 == 5, float(divisor), 1.0)
        x = made_inputs(tokens, n) / s
        args = QuantizationArgs(num_bits=8, symmetric=True, strategy="tensor")
        token = args.model_copy(update={"strategy": "token"})
        low, high = _grid_search_mse(x.reshape(-1, 1, n), args, token, 0.20, 5, 100.0, 2.4, 0.3)
        cases.append({"divisor": divisor, "mse": torch.maximum(-low, high).item(), "mse_127": search_with_our_steps(x),
                      "percentiles": {str(p): float(np.percentile(x.abs().numpy().astype(np.float64), p))
                                      for p in (50.0, 99.0, 99.9, 99.99)}})
    return {"tokens": tokens, "cols": n, "cases": cases}


def smoothquant():
    tokens, n = 96, 64
    x, layers = made_inputs(tokens, n), []
    for rows in (24, 8):
        layers.append(torch.nn.Linear(n, rows, bias=False))
        layers[-1].weight.data = made_weights(rows, n) * (1 if rows == 24 else 3)
    ranges = 2 * x.abs().amax(0)
    cases = []
    for alpha in (0.3, 0.5, 0.85):
        scales = SmoothQuantModifier(smoothing_strength=alpha)._calculate_smoothing_scales(layers, ranges)
        cases.append({"alpha": alpha, "scales": scales.tolist()})
    return {"tokens": tokens, "cols": n, "rows": [24, 8], "factors": [1, 3], "cases": cases}


def awq():
    tokens, n, rows, group = 128, 128, 48, 32
    x, w = made_inputs(tokens, n), made_weights(rows, n)
    cases = []
    for symmetric in (True, False):
        layer = torch.nn.Linear(n, rows, bias=False)
        layer.weight.data = w.clone()
        args = QuantizationArgs(num_bits=4, symmetric=symmetric, strategy="group", group_size=group)
        initialize_module_for_quantization(layer, QuantizationScheme(targets=["Linear"], weights=args))
        observer = Observer.load_from_registry("memoryless_minmax", base_name="weight", args=args)
        layer.register_module("weight_observer", observer)
        layer.quantization_enabled = False  # as in its calibration: the search quantizes by itself
        modifier = AWQModifier()
        cache = IntermediatesCache(None, None)
        cache.append({"input": x[None]})
        modifier._parent_args_cache[layer] = cache
        modifier._smooth_activation_stats["norm"] = [x.abs().sum(0), torch.tensor(tokens)]
        mapping = ResolvedMapping("norm", torch.nn.LayerNorm(n), [layer], ["layer"], parent=layer, parent_name="layer")
        means = modifier._compute_layer_means([layer])
        with torch.no_grad():
            scales = modifier._compute_best_scale(mapping, [x[None] @ w.T], {layer: w.clone()})
        metrics = modifier._error_metrics[0]
        cases.append({"symmetric": symmetric, "column_means": means.tolist(), "scales": scales.tolist(),
                      "error": metrics["best_error"], "plain_error": metrics["initial_error"]})
    return {"tokens": tokens, "cols": n, "rows": rows, "group_size": group, "cases": cases}


def pseudo_quantize(w, symmetric):
    if symmetric:
        d = np.maximum(np.abs(w).max(-1, keepdims=True), 1e-9) / 7
        return np.clip(np.rint(w / d), -8, 7) * d
    low, high = np.minimum(w.min(-1, keepdims=True), 0), np.maximum(w.max(-1, keepdims=True), 0)
    d = np.maximum(high - low, 1e-9) / 15
    z = np.clip(np.rint(-low / d), 0, 15)
    return (np.clip(np.rint(w / d) + z, 0, 15) - z) * d


def clipping():
    tokens, n, rows, group = 128, 128, 48, 32
    x = made_inputs(tokens, n).numpy().reshape(tokens, -1, group)
    w = made_weights(rows, n).numpy().reshape(rows, -1, group)
    out = np.einsum("tgi,rgi->rtg", x, w)
    errors = {}
    for symmetric in (True, False):
        least, best = None, None
        for i in range(10):
            limit = np.abs(w).max(-1, keepdims=True) * (1 - i / 20)
            q = pseudo_quantize(np.clip(w, -limit, limit), symmetric)
            error = ((np.einsum("tgi,rgi->rtg", x, q) - out) ** 2).mean(1)[..., None]
            if least is None:
                least, best = error, q
            else:
                best = np.where(error < least, q, best)
                least = np.minimum(error, least)
        errors["symmetric" if symmetric else "asymmetric"] = float(least.astype(np.float64).sum())
    return {"tokens": tokens, "cols": n, "rows": rows, "group_size": group, "errors": errors}


def gptq_inputs(tokens, n):
    """As in make_golden.py."""
    t, j = torch.arange(tokens)[:, None], torch.arange(n)[None]
    white = (t * t * 7 + j * j * 3 + t * j * 13) % 61 - 30
    shared = (t * 37) % 41 - 20
    return (white + shared * (1 + j % 3)) * (100 + (j * 37) % 193) * torch.where(j % 29 == 5, 4, 1)


def gptq():
    tokens, n, rows = 256, 192, 24
    x, w = gptq_inputs(tokens, n).double(), made_weights(rows, n)
    moment = (x.T @ x / tokens).float()
    cases = []
    for bits, group in ((4, 64), (8, None), (3, 64)):
        for symmetric in (True, False):
            args = QuantizationArgs(num_bits=bits, symmetric=symmetric, strategy="group" if group else "channel",
                                    group_size=group, actorder="static")
            groups = w.reshape(rows, -1, group or n)
            scale, zero = calculate_qparams(groups.amin(-1), groups.amax(-1), args)
            q, _, fell_back = quantize_weight(w.clone()[None], moment.clone()[None], scale[None], zero[None], None, args)
            assert not fell_back.any()
            e = (q[0] - w).double()
            cases.append({"bits": bits, "group_size": group or 0, "symmetric": symmetric,
                          "loss": (e @ moment.double() * e).sum().item()})
    return {"tokens": tokens, "cols": n, "rows": rows, "cases": cases}


def clear_of_ties(x, scale, bits):
    """Torch multiplies by 1 / scale, others divide: where that is the difference, nothing can be compared."""
    q = x.double() / scale.double()
    return ((q.frac().abs() - 0.5).abs() > 1e-4) | (q > 2 ** (bits - 1) - 1)


def layers():
    torch.manual_seed(5)
    tokens, n, rows = 96, 64, 12
    x, w = made_inputs(tokens, n), torch.randn(rows, n)
    w *= torch.where(w.amax(1, keepdim=True) < -w.amin(1, keepdim=True), -1, 1)  # greatest above 0: not -127.5
    whole, top = x.abs().max(), w.abs().amax(1, keepdim=True)
    reaches = {"minmax": whole, "percentile": torch.tensor(np.percentile(x.abs().double().numpy(), 99.0)).float(),
               "mse": torch.tensor(search_with_our_steps(x))}
    per_token = x.abs().amax(1) / 127.5
    clear = clear_of_ties(x, per_token[:, None], 8).all(1)
    for reach in reaches.values():
        clear &= clear_of_ties(x, reach / 127, 8).all(1)
    clear &= clear_of_ties(x, whole / 7, 4).all(1)
    assert clear_of_ties(w, top / 127.5, 8).all() and clear_of_ties(w, w.abs().max() / 7.5, 4).all()
    chosen = clear.nonzero().flatten()[:8]
    assert len(chosen) == 8
    x = x[chosen]

    def rounded(v, scale, bits, axis=None):
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        if axis is None:
            return torch.fake_quantize_per_tensor_affine(v, scale.item(), 0, low, high)
        return torch.fake_quantize_per_channel_affine(v, scale.flatten(), torch.zeros(len(scale), dtype=torch.int32), axis,
                                                      low, high)

    def rounded_float(v, strategy, scale):
        args = QuantizationArgs(num_bits=8, type="float", strategy=strategy, dynamic=strategy == "token")
        return fake_quantize(v, scale, None, args)

    cases = []

    def add(name, input_scale, inputs, weights):
        cases.append({"name": name, "input_scale": input_scale, "outputs": (inputs.double() @ weights.double().T).flatten().tolist()})

    channels = rounded(w, top / 127.5, 8, 0)
    for observer, reach in reaches.items():
        add("int8 static " + observer, (reach / 127).item(), rounded(x, reach / 127, 8), channels)
    add("int4 static minmax", (whole / 7).item(), rounded(x, whole / 7, 4), rounded(w, w.abs().max() / 7.5, 4))
    add("int8 token", 0, rounded(x, per_token[chosen], 8, 0), channels)
    channels = rounded_float(w, "channel", top / 448)
    add("fp8 static minmax", (whole / 448).item(), rounded_float(x, "tensor", whole / 448), channels)
    add("fp8 token", 0, rounded_float(x, "token", x.abs().amax(1, keepdim=True) / 448), channels)
    return {"tokens": tokens, "cols": n, "rows": rows, "weights": bits_of(w), "chosen": chosen.tolist(), "cases": cases}


def write(name, value):
    with open(os.path.join(HERE, name), "w") as f:
        json.dump(value, f, separators=(",", ":"))
        f.write("\n")


write("rounding.json", rounding())
write("rivals.json", {"observers": observers(), "smoothquant": smoothquant(), "awq": awq(), "clipping": clipping(),
                      "gptq": gptq(), "layers": layers()})
