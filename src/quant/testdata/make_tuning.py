"""Golden data of src/quant/tuning from PyTorch.

    python make_tuning.py

tuning.json: the mean KL divergence of a small head behind an RMSNorm between two sets of hidden states and its gradient
(float64, autograd), and a few steps of torch.optim.Adam (float32).
"""
import json
import os

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS, HIDDEN, VOCAB, EPS = 5, 12, 40, 1e-5


def plain(t):
    return [float(f"{x:.9g}") for x in t.flatten().tolist()]


def short(t):
    return (t * 1024).round() / 1024


def output_loss():
    torch.manual_seed(11)
    head, gamma = short(torch.randn(VOCAB, HIDDEN, dtype=torch.float64)), short(1 + 0.3 * torch.randn(HIDDEN, dtype=torch.float64))
    teacher = short(torch.randn(TOKENS, HIDDEN, dtype=torch.float64) * 3)
    hidden = short(teacher + torch.randn(TOKENS, HIDDEN, dtype=torch.float64)).requires_grad_()

    def log_probabilities(x):
        return F.log_softmax((x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS) * gamma) @ head.T, -1)

    loss = F.kl_div(log_probabilities(hidden), log_probabilities(teacher), log_target=True, reduction="batchmean")
    loss.backward()
    return {"tokens": TOKENS, "hidden_size": HIDDEN, "vocab_size": VOCAB, "eps": EPS, "head": plain(head), "final_norm": plain(gamma),
            "hidden": plain(hidden.detach()), "teacher": plain(teacher), "loss": loss.item(), "gradient": plain(hidden.grad)}


def adam():
    torch.manual_seed(12)
    values = torch.zeros(6, requires_grad=True)
    rates = [0.002, 0.01, 0.005, 0.001]
    gradients = [short(torch.randn(6)) * scale for scale in (1.0, 1e-3, 10.0, 0.1)]
    optimizer = torch.optim.Adam([values], betas=(0.9, 0.95), eps=1e-8)
    after = []
    for rate, gradient in zip(rates, gradients):
        optimizer.param_groups[0]["lr"] = rate
        values.grad = gradient.clone()
        optimizer.step()
        after.append(plain(values.detach()))
    return {"rates": rates, "gradients": [plain(g) for g in gradients], "after": after}


with open(os.path.join(HERE, "tuning.json"), "w") as f:
    json.dump({"output_loss": output_loss(), "adam": adam()}, f, separators=(",", ":"))
    f.write("\n")
