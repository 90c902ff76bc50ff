"""Makes checkpoints with compressed-tensors and bitsandbytes, runs them in transformers and in fptq, and compares the logits."""

import argparse
import functools
import importlib.util
import pathlib
import sys
import tempfile

import agreement
import make_checkpoints
import torch
from safetensors.torch import load_file
from transformers import AutoConfig


# Short, so that a flip in one sequence does not reach the others.
WINDOW = 128


def golden_agrees(fptq, folder):
    """A checkpoint that numpy wrote, with the logits that transformers gave."""
    expected = load_file(folder / "reference" / "expected.safetensors")
    total = agreement.Agreement()
    for kind in ("", "_random"):
        ids, judge = expected[f"ids{kind}"].flatten(), expected[f"logits{kind}"]
        judge = judge.reshape(len(ids), -1)
        total.add(judge, agreement.fptq_logits(fptq, folder, ids.tolist(), judge.shape[-1]))
    return total.check(folder.name, 98.9, 1e-3)  # one of 96 positions may differ


def largest_group(model):
    """The largest group size that divides the inputs of every layer."""
    config = AutoConfig.from_pretrained(str(model))
    for size in (128, 64, 32, 16, 8, 4):
        if config.hidden_size % size == 0 and config.intermediate_size % size == 0:
            return size
    sys.exit(f"{model}: no group size divides {config.hidden_size} and {config.intermediate_size}")


def has_bitsandbytes():
    return importlib.util.find_spec("bitsandbytes") is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fptq", required=True)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--gate", choices=["limits", "judge"], default="limits")
    parser.add_argument("--golden", type=pathlib.Path)
    parser.add_argument("models", nargs="+", type=pathlib.Path, help="dense models to quantize")
    args = parser.parse_args()

    good = True
    if args.golden is not None:
        good &= golden_agrees(args.fptq, args.golden)
    for model in args.models:
        vocab = AutoConfig.from_pretrained(str(model)).vocab_size
        ids = torch.randint(3, vocab, (args.tokens,), generator=torch.Generator().manual_seed(7)).tolist()
        makers = {
            name: functools.partial(make_checkpoints.make, config_groups=groups)
            for name, groups in make_checkpoints.forms(largest_group(model)).items()
        }
        if has_bitsandbytes():
            for nested in (True, False):
                makers[f"nf4{'-dq' if nested else ''}"] = functools.partial(make_checkpoints.make_nf4, nested=nested)
        else:
            print("skip NF4: there is no bitsandbytes", flush=True)
        for name, make in makers.items():
            with tempfile.TemporaryDirectory() as folder:
                target = pathlib.Path(folder, "model")
                make(model, target)
                good &= agreement.compare(args.fptq, target, ids, WINDOW, f"{model.name} {name}", args.gate)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
