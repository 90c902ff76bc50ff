"""Golden data of src/quant/block_pass and learned_rounding from PyTorch's autograd.

    python make_block_gradients.py

block_gradients.json: loss and gradients (float64) of weights, norms and inputs of one decoder block with grouped-query attention, a sliding window,
biases and two sequences; once with float activations, once with INT8 ones through the straight-through estimator.
rounding_steps.json: a small matrix before and after steps of signed gradient descent on its rounding offsets and ranges
(AutoRound, arXiv 2309.05516), float32.
"""
import json
import math
import os

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
HIDDEN, FFN, HEADS, KV_HEADS, DIM, WINDOW, EPS, THETA = 16, 24, 4, 2, 4, 5, 1e-5, 100.0
LENGTHS = [7, 12]
SHAPES = {"q": (HEADS * DIM, HIDDEN), "k": (KV_HEADS * DIM, HIDDEN), "v": (KV_HEADS * DIM, HIDDEN), "o": (HIDDEN, HEADS * DIM),
          "gate": (FFN, HIDDEN), "up": (FFN, HIDDEN), "down": (HIDDEN, FFN)}
BIASED = ["q", "k", "v", "o"]


def plain(t):
    return [float(f"{x:.9g}") for x in t.flatten().tolist()]


class Round(torch.autograd.Function):
    """Exactly whole numbers, unlike x + (round(x) - x).detach(), so that clamping behind it finds the same limits."""

    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


ste = Round.apply


def clamped(x, low, high):
    """Gradients pass the limits themselves, as torch.clamp had it when AutoRound was published (since 2.15 it does not)."""
    return torch.where(x < low, low, torch.where(x > high, high, x))


def quantized(x, spec):
    """INT8 and back; gradients pass rounding, and stop at the ends of a static range."""
    if spec["mode"] == "float":
        return x
    if spec["mode"] == "static":
        s, z = spec["scale"], spec["zero"]
        return (ste(clamped(x / s + z, -128, 127)) - z) * s
    if spec["mode"] == "token":
        s = x.abs().amax(-1, keepdim=True) / 127.5
        q = (x / s).clamp(-128, 127).round() * s
    else:  # "token asymmetric"
        low, high = x.amin(-1, keepdim=True).clamp(max=0), x.amax(-1, keepdim=True).clamp(min=0)
        s = (high - low) / 255
        z = (-128 - low / s).clamp(-128, 127).round()
        q = ((x / s + z).clamp(-128, 127).round() - z) * s
    return x + (q - x).detach()


def rotated(x):
    """[tokens, heads, DIM] in the half-split layout, positions from 0."""
    inverse = THETA ** (-torch.arange(0, DIM, 2, dtype=torch.float64) / DIM)
    angle = torch.arange(x.shape[0], dtype=torch.float64)[:, None] * inverse
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    a, b = x[..., : DIM // 2], x[..., DIM // 2:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def norm(x, gamma):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS) * gamma


def block(x, w, b, gammas, acts):
    n = quantized(norm(x, gammas[0]), acts[0])
    q = rotated((n @ w["q"].T + b["q"]).view(-1, HEADS, DIM))
    k = rotated((n @ w["k"].T + b["k"]).view(-1, KV_HEADS, DIM)).repeat_interleave(HEADS // KV_HEADS, 1)
    v = (n @ w["v"].T + b["v"]).view(-1, KV_HEADS, DIM).repeat_interleave(HEADS // KV_HEADS, 1)
    t = torch.arange(x.shape[0])
    seen = (t[None] <= t[:, None]) & (t[None] > t[:, None] - WINDOW)
    scores = torch.einsum("ihd,jhd->hij", q, k) / math.sqrt(DIM)
    p = scores.masked_fill(~seen, -math.inf).softmax(-1)
    o = torch.einsum("hij,jhd->ihd", p, v).reshape(-1, HEADS * DIM)
    x = x + quantized(o, acts[1]) @ w["o"].T + b["o"]
    n = quantized(norm(x, gammas[1]), acts[2])
    m = F.silu(n @ w["gate"].T) * (n @ w["up"].T)
    return x + quantized(m, acts[3]) @ w["down"].T


def block_gradients():
    torch.manual_seed(3)
    short = lambda t: (t * 1024).round() / 1024  # exact in few digits
    weights = {n: short(torch.randn(s, dtype=torch.float64) * 0.4) for n, s in SHAPES.items()}
    biases = {n: short(torch.randn(SHAPES[n][0], dtype=torch.float64) * 0.3) for n in BIASED}
    gammas = [short(1 + 0.3 * torch.randn(HIDDEN, dtype=torch.float64)) for _ in range(2)]
    tokens = sum(LENGTHS)
    inputs, targets = (short(torch.randn(tokens, HIDDEN, dtype=torch.float64)) for _ in range(2))
    # A token's largest value lies on a tie of its own grid (127.5): where it is negative, float32 and float64 may differ.
    normed = inputs * gammas[0]
    inputs *= normed.gather(1, normed.abs().argmax(1, keepdim=True)).sign()
    token_weights = short(0.5 + torch.rand(tokens, dtype=torch.float64))
    floating = [{"mode": "float"}] * 4
    static = lambda scale, zero: {"mode": "static", "scale": scale, "zero": zero}
    cases = []
    for acts in (floating,
                 [{"mode": "token"}, static(0.00390625, 0), {"mode": "token asymmetric"}, static(0.0078125, 11)],
                 [{"mode": "token"}, {"mode": "token asymmetric"}, static(0.015625, 0), {"mode": "token asymmetric"}]):
        w = {n: t.clone().requires_grad_() for n, t in weights.items()}
        x, g = inputs.clone().requires_grad_(), [t.clone().requires_grad_() for t in gammas]
        out = torch.cat([block(window, w, biases, g, acts) for window in x.split(LENGTHS)])
        error = (out - targets).square().sum(-1) * token_weights
        loss = error.sum() / (token_weights.sum() * HIDDEN)
        loss.backward()
        cases.append({"activations": acts, "loss": loss.item(), "gradients": {n: plain(t.grad) for n, t in w.items()},
                      "inputs_gradient": plain(x.grad), "norm_gradients": [plain(t.grad) for t in g]})
    return {"hidden_size": HIDDEN, "intermediate_size": FFN, "num_heads": HEADS, "num_kv_heads": KV_HEADS, "head_dim": DIM,
            "sliding_window": WINDOW, "rms_norm_eps": EPS, "rope_theta": THETA, "lengths": LENGTHS,
            "weights": {n: plain(t) for n, t in weights.items()}, "biases": {n: plain(t) for n, t in biases.items()},
            "norms": [plain(g) for g in gammas], "inputs": plain(inputs), "targets": plain(targets),
            "token_weights": plain(token_weights), "cases": cases}


def rounding_steps():
    torch.manual_seed(5)
    rows, cols, group, steps = 3, 32, 16, 4
    by = {"offset": 0.07, "range": 0.03}
    w = ((torch.randn(rows, cols) * 0.5) * 256).round() / 256
    w[2, 16:] = w[2, 16:].abs() + 0.25  # zero at the end of its range
    gradients = [(torch.randn(rows, cols) * 256).round() / 256 for _ in range(steps)]
    gradients[0][0, :4] = 0.0  # which move nothing
    v = w.view(rows, -1, group)
    cases = []
    for bits in (4, 8):
        for symmetric in (True, False):
            top = 2**bits - 1
            low, high = v.amin(-1, keepdim=True).clamp(max=0), v.amax(-1, keepdim=True).clamp(min=0)
            if symmetric:
                start, zero = torch.maximum(-low, high) / (top // 2), torch.full_like(low, (top + 1) / 2)
            else:
                start = (high - low) / top
                zero = (-low / start).round().clamp(0, top)
            offset = torch.zeros_like(v, requires_grad=True)
            lower, upper = (torch.ones_like(low, requires_grad=True) for _ in range(2))

            def rounded():
                if symmetric:
                    scale, z = start * lower, zero
                else:
                    least, most = -lower * zero * start, upper * (top - zero) * start
                    scale = (most - least) / top
                    z = clamped(ste(-least / scale), 0, top)
                code = clamped(ste(v / scale + offset) + z, 0, top)
                return (code - z) * scale, scale, z

            for g in gradients:
                y, _, _ = rounded()
                (y * g.view_as(y)).sum().backward()
                with torch.no_grad():
                    for p, rate in ((offset, "offset"), (lower, "range"), (upper, "range")):
                        if p.grad is not None:
                            p -= by[rate] * p.grad.sign()
                            p.grad = None
                    for p in (lower, upper):
                        p.clamp_(0.5, 1.0)
            y, scale, z = rounded()
            cases.append({"bits": bits, "symmetric": symmetric, "scales": plain(scale), "zeros": plain(z),
                          "offsets": plain(offset), "result": plain(y)})
    return {"rows": rows, "cols": cols, "group_size": group, "by": by, "weights": plain(w),
            "gradients": [plain(g) for g in gradients], "cases": cases}


for name, value in (("block_gradients", block_gradients()), ("rounding_steps", rounding_steps())):
    with open(os.path.join(HERE, name + ".json"), "w") as f:
        json.dump(value, f, separators=(",", ":"))
        f.write("\n")
