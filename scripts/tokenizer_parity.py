#!/usr/bin/env python3
"""Compares `fptq tokenize` with PyPI's tokenizers: ids and decoded text, on files and on random Unicode.

  scripts/tokenizer_parity.py --fptq build/fptq [--random 100000] [--text FILE]... TOKENIZER...

A TOKENIZER is anything that `fptq tokenize` takes: a directory or a GGUF. The judge loads its tokenizer.json;
where there is none, the one that `fptq tokenize TOKENIZER --json` writes (so that the judge reads what we write).
For a tokenizer.model, SentencePiece itself is asked as well, where its package is installed. Exit code 1 on any
difference, after showing the first few of each tokenizer.

The command under test reads JSON lines on stdin (a string; an array of ids with --decode) and writes JSON lines
(an array of ids; a string).
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys

import tokenizers

SHOWN = 5
# Where tokenizers differ: runs of spaces, contractions, digits, marks, joiners, byte pieces, special tokens in text.
FRAGMENTS = ["'s", "'LL", "’re", "  ", "\t", "\n\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\u180e", "1234567", "²³", "½", "٣", "e\u0301",
             "\u1112\u1161\u11ab", "👩‍👩‍👧", "🇩🇪", "\ufeff", "\u0000", "<0x41>", "▁", "▁▁", "<s>", "</s>", "<unk>",
             "<|endoftext|>", "<|im_start|>", "Ġ", "Ċ", "ﬁ", "ſ", "İ", "ß", "ǅ", "क्षि", "ไทย", "עברית", "العربية", "中文", "日本語"]


def random_text(rng):
    kind = rng.random()
    length = rng.randint(0, 60)
    if kind < 0.3:  # any code point at all
        return "".join(any_code_point(rng) for _ in range(length))
    if kind < 0.6:  # one script
        start = rng.choice([0x20, 0xA0, 0x300, 0x370, 0x400, 0x5D0, 0x600, 0x900, 0xE00, 0x1100, 0x1E00, 0x2000, 0x2460, 0x3040,
                            0x4E00, 0xAC00, 0xFB00, 0xFF00, 0x10400, 0x11900, 0x1D400, 0x1E000, 0x1F300, 0x20000, 0x31350])
        return "".join(chr(start + rng.randrange(96)) if rng.random() < 0.85 else " " for _ in range(length))
    if kind < 0.8:  # what real text is made of, in odd company
        return "".join(rng.choice(FRAGMENTS) if rng.random() < 0.5 else chr(rng.randrange(0x20, 0x7F)) for _ in range(length))
    few = [any_code_point(rng) for _ in range(3)] + [" ", "a", "'"]  # repetitions
    return "".join(rng.choice(few) * rng.randint(1, 4) for _ in range(length))


def any_code_point(rng):
    while True:
        c = rng.randrange(0x110000) if rng.random() < 0.5 else rng.randrange(0x3000)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def ask(command, values):
    lines = "\n".join(json.dumps(v, ensure_ascii=False) for v in values) + "\n"
    done = subprocess.run(command, input=lines.encode(), capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    answers = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
    if len(answers) != len(values):
        sys.exit(f"{' '.join(command)}: {len(values)} questions, {len(answers)} answers")
    return answers


def differences(name, questions, ours, theirs):
    bad = [i for i in range(len(questions)) if ours[i] != theirs[i]]
    for i in bad[:SHOWN]:
        at = next((k for k, (a, b) in enumerate(zip(ours[i], theirs[i])) if a != b), min(len(ours[i]), len(theirs[i])))
        print(f"  {name}: {questions[i][:120]!r}\n    from {at}: ours {ours[i][at:at + 12]!r}, theirs {theirs[i][at:at + 12]!r}")
    return len(bad)


def judge_of(fptq, tokenizer):
    path = pathlib.Path(tokenizer) / "tokenizer.json"
    if path.is_file():
        return tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
    written = subprocess.run([fptq, "tokenize", tokenizer, "--json"], capture_output=True, check=True).stdout
    return tokenizers.Tokenizer.from_str(written.decode())


def compare(fptq, tokenizer, texts):
    judge = judge_of(fptq, tokenizer)
    judge.no_truncation()
    judge.no_padding()
    bad = 0
    few = texts[:2000]  # what surrounds a text does not depend on the text
    theirs = [e.ids for e in judge.encode_batch(few, add_special_tokens=True)]
    bad += differences("encode with special tokens", few, ask([fptq, "tokenize", tokenizer, "--add-special"], few), theirs)
    ids = [e.ids for e in judge.encode_batch(texts, add_special_tokens=False)]
    bad += differences("encode", texts, ask([fptq, "tokenize", tokenizer], texts), ids)
    # Decoding: what encoding gave, and ids that no text gives.
    rng = random.Random(2)
    size = judge.get_vocab_size(with_added_tokens=True)
    ids = ids + [[rng.randrange(size) for _ in range(rng.randint(0, 40))] for _ in range(min(20000, len(texts)))]
    for name, flags, skip in [("decode", [], False), ("decode without special tokens", ["--skip-special"], True)]:
        theirs = judge.decode_batch(ids, skip_special_tokens=skip)
        bad += differences(name, ids, ask([fptq, "tokenize", tokenizer, "--decode", *flags], ids), theirs)
    bad += compare_sentencepiece(fptq, tokenizer, texts)
    return bad


def compare_sentencepiece(fptq, tokenizer, texts):
    path = pathlib.Path(tokenizer) / "tokenizer.model"
    if not path.is_file() or path.with_name("tokenizer.json").is_file():
        return 0
    try:
        import sentencepiece
    except ImportError:
        print("  (the sentencepiece package is not installed: not asked)")
        return 0
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    # SentencePiece takes special tokens in a text as text, ends a text at a NUL, and joins a run of unknown bytes
    # no further than we do; where texts have none of these the ids must be the same.
    special = [model.id_to_piece(i) for i in range(model.get_piece_size()) if model.is_control(i) or model.is_unknown(i)]
    plain = [t for t in texts if "\0" not in t and not any(s in t for s in special)]
    return differences("SentencePiece", plain, ask([fptq, "tokenize", tokenizer], plain), model.encode(plain))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fptq", default="build/fptq")
    parser.add_argument("--random", type=int, default=100000, help="how many random strings")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--text", action="append", default=[], help="a text file: as a whole, and line by line")
    parser.add_argument("tokenizer", nargs="+")
    options = parser.parse_args()

    rng = random.Random(options.seed)
    texts = [random_text(rng) for _ in range(options.random)]
    for name in options.text:
        text = pathlib.Path(name).read_bytes().decode("utf-8", errors="replace")
        texts += [text] + text.split("\n")
    failed = False
    for tokenizer in options.tokenizer:
        bad = compare(options.fptq, tokenizer, texts)
        print(f"{tokenizer}: {len(texts)} texts, {bad} differences", flush=True)
        failed |= bad > 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
