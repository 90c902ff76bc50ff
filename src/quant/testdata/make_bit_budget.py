"""Golden data of src/quant/bit_budget from PyTorch.

    python make_bit_budget.py

bit_budget.json: a small head behind an RMSNorm; for some hidden states, the probability of every label and the gradient of
-log p(label) with respect to the hidden state, for every label (float64, autograd).
"""
import json
import os

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS, HIDDEN, VOCAB, EPS = 2, 6, 8, 1e-5


def plain(t):
    return [float(f"{x:.9g}") for x in t.flatten().tolist()]


def short(t):
    return (t * 1024).round() / 1024


torch.manual_seed(21)
head, gamma = short(0.4 * torch.randn(VOCAB, HIDDEN, dtype=torch.float64)), short(1 + 0.3 * torch.randn(HIDDEN, dtype=torch.float64))
hidden = short(torch.randn(TOKENS, HIDDEN, dtype=torch.float64) * 3).requires_grad_()
log_p = F.log_softmax((hidden * torch.rsqrt(hidden.square().mean(-1, keepdim=True) + EPS) * gamma) @ head.T, -1)
gradients = [[plain(torch.autograd.grad(-log_p[t, y], hidden, retain_graph=True)[0][t]) for y in range(VOCAB)] for t in range(TOKENS)]
with open(os.path.join(HERE, "bit_budget.json"), "w") as f:
    json.dump({"tokens": TOKENS, "hidden_size": HIDDEN, "vocab_size": VOCAB, "eps": EPS, "head": plain(head), "final_norm": plain(gamma),
               "hidden": plain(hidden.detach()), "probabilities": [plain(p) for p in log_p.exp()], "gradients": gradients}, f,
              separators=(",", ":"))
    f.write("\n")
