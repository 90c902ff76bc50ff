"""Loads a model that fptq wrote in transformers, in float32, and compares the logits with those of fptq itself."""

import argparse
import pathlib
import sys

import agreement
from tokenizers import Tokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fptq", required=True)
    parser.add_argument("--text", required=True, type=pathlib.Path)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--tiny", action="store_true", help="models so small that single int8 flips show")
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    args = parser.parse_args()

    good = True
    for model in args.models:
        tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
        ids = tokenizer.encode(args.text.read_text(encoding="utf-8"), add_special_tokens=False).ids[: args.tokens]
        if len(ids) < args.tokens:
            sys.exit(f"{args.text}: {len(ids)} tokens, {args.tokens} are needed")
        good &= agreement.compare(args.fptq, model, ids, args.tokens, model.name, strict=not args.tiny)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
