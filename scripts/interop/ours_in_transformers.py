"""Loads a model that fptq wrote in transformers, in float32, and compares the logits with those of fptq itself."""

import argparse
import pathlib
import sys

import agreement
from tokenizers import Tokenizer


# Short, so that a flip in one sequence does not reach the others.
WINDOW = 256


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fptq", required=True)
    parser.add_argument("--text", required=True, type=pathlib.Path)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--gate", choices=["limits", "judge"], default="limits")
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    args = parser.parse_args()

    good = True
    for model in args.models:
        tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        ids = tokenizer.encode(args.text.read_text(encoding="utf-8"), add_special_tokens=False).ids[: args.tokens]
        if len(ids) < args.tokens:
            sys.exit(f"{args.text}: {len(ids)} tokens, {args.tokens} are needed")
        good &= agreement.compare(args.fptq, model, ids, WINDOW, model.name, args.gate)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
