"""Running both engines on the same ids, and how well they agree."""

import json
import pathlib
import subprocess
import tempfile

import numpy as np
import plain_twin
import torch

MIN_TOP1 = 99.5  # percent
MAX_KL = 1e-3
SLACK = 1.5
SINGLES = 16
MIN_EQUAL = 6
EQUAL = 1e-3  # largest difference of a logit


def fptq_logits(fptq, model, ids, vocab):
    """Logits [len(ids), vocab] of our engine for one sequence."""
    with tempfile.TemporaryDirectory() as folder:
        ids_file, out_file = pathlib.Path(folder, "ids.json"), pathlib.Path(folder, "logits.f32")
        ids_file.write_text(json.dumps([int(i) for i in ids]))
        # The judge keeps its cache in floats, too.
        command = [fptq, "logits", str(model), "--ids", str(ids_file), "--out", str(out_file), "--kv", "f32"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\nfailed with {done.returncode}: {done.stderr.strip()}")
        return torch.from_numpy(np.fromfile(out_file, dtype="<f4").reshape(len(ids), vocab))


def transformers_logits(model, ids):
    """Logits [len(ids), vocab] of a loaded transformers model for one sequence."""
    with torch.no_grad():
        # [batch, tokens]: per-token scales need both dimensions (docs/formats-verified.md §5).
        return model(torch.tensor([list(ids)])).logits[0].float()


def load(path, dtype=torch.float32):
    from transformers import AutoModelForCausalLM

    path = pathlib.Path(path)
    if is_bitsandbytes(path):
        return in_float(AutoModelForCausalLM.from_pretrained(str(path), dtype=dtype).eval(), dtype)
    if not plain_twin.needed(path):
        return AutoModelForCausalLM.from_pretrained(str(path), dtype=dtype).eval()
    with tempfile.TemporaryDirectory() as folder:
        plain_twin.write(path, pathlib.Path(folder))
        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()


def is_bitsandbytes(path):
    config = json.loads(pathlib.Path(path, "config.json").read_text())
    return config.get("quantization_config", {}).get("quant_method") == "bitsandbytes"


def in_float(model, dtype):
    """Makes bitsandbytes compute in `dtype`, where by itself it takes that of the file, and bfloat16 on CPUs that have it."""
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":
            module.compute_dtype, module.compute_type_is_set = dtype, True
            module.support_avx512bf16_for_cpu = False
    return model


class Agreement:
    """Sums over windows; the judge's logits are the reference."""

    def __init__(self):
        self.tokens = self.same_top = 0
        self.kl = self.largest = 0.0

    def add(self, judge, ours):
        p, q = torch.log_softmax(judge.double(), -1), torch.log_softmax(ours.double(), -1)
        self.kl += float((p.exp() * (p - q)).sum())
        self.same_top += int((judge.argmax(-1) == ours.argmax(-1)).sum())
        self.largest = max(self.largest, float((judge - ours).abs().max()))
        self.tokens += len(judge)

    def top1(self):
        return 100.0 * self.same_top / self.tokens

    def mean_kl(self):
        return self.kl / self.tokens

    def check(self, name, min_top1=MIN_TOP1, max_kl=MAX_KL, note="", also=True):
        """Prints a line; true when both limits hold and `also` does."""
        good = also and self.top1() >= min_top1 and self.mean_kl() <= max_kl  # false for NaN
        print(
            f"{'ok  ' if good else 'FAIL'} {name:<40} {self.tokens:>5} tokens  top-1 {self.top1():7.3f} % (>= {min_top1:.1f})"
            f"  mean KL {self.mean_kl():.1e} (<= {max_kl:.1e})  largest difference {self.largest:.1e}{note}",
            flush=True,
        )
        return good


def windows_of(ids, size):
    return [ids[begin : begin + size] for begin in range(0, len(ids), size)]


def compare(fptq, path, ids, window, name, gate):
    """Compares both engines on `path` over windows of `ids`; true when they agree.

    Sums in another order differ in the last bit. Where that moves a single int8 code, rounding falls out differently
    from there on, and the logits end up as far apart as two draws of the quantization noise: also the judge in float64
    from itself in float32, which is printed where the limits are missed. `gate` says what that means: "limits" is a
    failure; "judge" allows SLACK times the judge's own distance. Either way, on sequences of one token, most of which
    no flip disturbs, the logits must be equal: there is no room there for another scale, clamp or rounding."""
    judge = load(path)
    window = min(window, judge.config.max_position_embeddings)
    parts = windows_of(ids, window)
    expected = [transformers_logits(judge, part) for part in parts]
    total = Agreement()
    for part, logits in zip(parts, expected):
        total.add(logits, fptq_logits(fptq, path, part, judge.config.vocab_size))
    equal = count_equal(fptq, path, judge, ids[:: max(1, len(ids) // SINGLES)][:SINGLES])
    note = f"; {equal} of {SINGLES} single tokens equal (>= {MIN_EQUAL})"
    min_top1, max_kl = MIN_TOP1, MAX_KL
    if total.top1() < MIN_TOP1 or total.mean_kl() > MAX_KL:
        del judge
        judge = load(path, torch.float64)
        itself = Agreement()
        for part, logits in zip(parts, expected):
            itself.add(logits, transformers_logits(judge, part))
        note += f"; the judge against itself in float64: {itself.top1():.3f} %, {itself.mean_kl():.1e}"
        if gate == "judge":
            min_top1 = min(MIN_TOP1, 100.0 - SLACK * (100.0 - itself.top1()))
            max_kl = max(MAX_KL, SLACK * itself.mean_kl())
    return total.check(name, min_top1, max_kl, note, equal >= MIN_EQUAL)


def count_equal(fptq, path, judge, ids):
    """How many sequences of one token give logits that no int8 flip has disturbed."""
    equal = 0
    for token in ids:
        one = Agreement()
        one.add(transformers_logits(judge, [token]), fptq_logits(fptq, path, [token], judge.config.vocab_size))
        equal += one.largest <= EQUAL
    return equal
