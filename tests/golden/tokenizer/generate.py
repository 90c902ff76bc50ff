#!/usr/bin/env python3
"""Writes the golden data beside this file with PyPI's tokenizers (0.23.3 was used), run from the repository root:

  python3 tests/golden/tokenizer/generate.py [FOLDER WITH THE BIG TOKENIZERS, ../shared/tokenizers]

  *.json           tokenizers of three tiny models, MIT (copied; see README.md)
  texts.jsonl      one string a line
  <name>.ids       per text: ids with special tokens, as JSON lines
  <name>.txt       per text: the decoded ids, as JSON lines
  parts.jsonl      {"base", "change", "cases": [[text, ids, decoded]]}: a tiny tokenizer with other parts
  big.jsonl        {"name", "hashes"}: FNV-1a of the ids of each text, for tokenizers too big to commit
"""

import json
import pathlib
import random
import sys

import tokenizers

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "scripts"))
from tokenizer_parity import random_text  # noqa: E402

TINY = ["stories260k", "tinystories-656k", "babyllama105"]
BIG = ["gpt2", "llama", "minicpm3", "mistral", "phi", "pythia"]

PLAIN = [
    "", " ", "  ", "\n", "\t \n", "Hello, world!", " Once upon a time, there was a little girl named Lily.",
    "The quick brown fox jumps over the lazy dog. 0123456789", "I'll we've they're it's I'M DON'T", "don’t “quote” — dash…",
    "int main() {\n    return 0;\n}\n", "a\u0301 e\u0301\u0323 A\u030a \u1112\u1161\u11ab \ufb01 \u00bd \u2460", "naïve café Ångström",
    "日本語のテキスト、中文 한국어", "🙂👩‍👩‍👧🇩🇪❤️", "العربية עברית", "हिन्दी ไทย", "\u0000\u0001\u007f\u0085\u00a0", "\u200b\u200d\ufeff\u2028\u3000x",
    "<s>a</s> <unk> <|endoftext|><|im_start|>user", "x<|start_story|>y <|end_story|> z", "<0x41><0xZZ>▁▁ ▁a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 4,
    "ab" * 100, " " * 70, "the " * 60, "e▁d▁ e d", "Ａｂｃ ſ İ ß ǅ", "1,234.56 -7e+10 ²³ ٣٤٥", "\ud7ff\ue000\ufffd\U0010ffff\U000e0001",
]

PART_TEXTS = [
    "", "Hello, World!  it's 42.5\n", " e d ab  cd-ef_gh ", "Ünï e\u0301\u0323 ﬁ ½ ſİ", "a12b 3٣²½", "日本 語。x", "one<s>two </s> three<unk>",
    "the the  the\tthe", "(a)[b]{c}!?", "x\u0085y\u00a0z\u3000w\u180ev", "-- a -- b --", "<0x41>\u0007▁", "👩‍👩‍👧 e", "AbC abc ABC",
]


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def metaspace(**more):
    return {"type": "Metaspace", "replacement": "▁", **more}


def sequence(key, *parts):
    return {"type": "Sequence", key: list(parts)}


def byte_level(**more):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, **more}


def added(*tokens):
    return [{"id": 5000 + i, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False, **t}
            for i, t in enumerate(tokens)]


def template(*pieces):
    return {"type": "TemplateProcessing", "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "single": [{"Sequence": {"id": "A", "type_id": 0}} if p == "A" else {"SpecialToken": {"id": p, "type_id": 0}} for p in pieces],
            "special_tokens": {"S": {"id": "S", "ids": [1, 2], "tokens": ["a", "b"]}, "E": {"id": "E", "ids": [3], "tokens": ["c"]}}}


BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
REGEXES = [r"\w+", r"\W+", r"[\w-]+", r"\bt|\Be", r"\s+", r"(?i:THE|B)", r"[^(\s|[.,!?。])]+", r"\p{L}+|\p{N}{1,3}|\p{P}", r"(?m:.+)", r"^.|.$", r"\h+",
           r"x*", r"(?<=e) (?=t)", r"\p{Lu}?\p{Ll}*", r"[[:alpha:]]+", r"a{,2}b", "\\u0065", r"(a|b)\1?", r"\d+|\D"]

CHANGES = (
    [{"normalizer": {"type": t}} for t in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt", "StripAccents", "ByteLevel"]]
    + [{"normalizer": sequence("normalizers", {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"})}]
    + [{"normalizer": {"type": "Strip", "strip_left": l, "strip_right": r}} for l in (True, False) for r in (True, False)]
    + [{"normalizer": {"type": "Replace", "pattern": p, "content": c}}
       for p, c in [({"String": "e"}, "▁e"), ({"Regex": " {2,}"}, "▁"), ({"Regex": "x*"}, "-"), ({"String": "the"}, "")]]
    + [{"normalizer": {"type": "Prepend", "prepend": "▁ab"}}, {"normalizer": None}]
    + [{"normalizer": None, "pre_tokenizer": split({"String": s}, b)} for b in BEHAVIORS for s in ("-", "e")]
    + [{"normalizer": None, "pre_tokenizer": split({"Regex": r"\s+|the"}, b, True)} for b in BEHAVIORS]
    + [{"normalizer": None, "pre_tokenizer": split({"Regex": r})} for r in REGEXES]
    + [{"normalizer": None, "pre_tokenizer": split({"Regex": r"\w+|[^\w\s]+"}, "Removed", True)}]
    + [{"normalizer": None, "pre_tokenizer": {"type": "Digits", "individual_digits": b}} for b in (True, False)]
    + [{"normalizer": None, "pre_tokenizer": {"type": t}} for t in ["Whitespace", "WhitespaceSplit", "BertPreTokenizer"]]
    + [{"normalizer": None, "pre_tokenizer": {"type": "Punctuation", "behavior": b}} for b in BEHAVIORS]
    + [{"normalizer": None, "pre_tokenizer": {"type": "CharDelimiterSplit", "delimiter": "e"}},
       {"normalizer": None, "pre_tokenizer": {"type": "FixedLength", "length": 3}}]
    + [{"normalizer": None, "pre_tokenizer": metaspace(prepend_scheme=s, split=b), "decoder": metaspace(prepend_scheme=s, split=b)}
       for s in ("first", "always", "never") for b in (True, False)]
    + [{"normalizer": None, "pre_tokenizer": metaspace(add_prefix_space=True), "decoder": metaspace(add_prefix_space=True)},
       {"normalizer": None, "pre_tokenizer": sequence("pretokenizers", {"type": "WhitespaceSplit"}, metaspace(prepend_scheme="first"))}]
    + [{"normalizer": None, "pre_tokenizer": byte_level(**m), "decoder": byte_level()} for m in ({}, {"use_regex": False}, {"add_prefix_space": True})]
    + [{"normalizer": None, "decoder": byte_level(),
        "pre_tokenizer": sequence("pretokenizers", byte_level(), {"type": "Digits", "individual_digits": True})}]
    + [{"post_processor": template("S", "A", "E", "A")}, {"post_processor": template("E")}, {"post_processor": None},
       {"post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": True, "add_prefix_space": True}},
       {"post_processor": {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]}},
       {"post_processor": sequence("processors", byte_level(), template("S", "A"))}]
    + [{"decoder": d} for d in (None, {"type": "Fuse"}, {"type": "ByteFallback"}, {"type": "BPEDecoder", "suffix": "e"},
                                {"type": "Strip", "content": "▁", "start": 2, "stop": 0}, {"type": "Strip", "content": "e", "start": 0, "stop": 1},
                                {"type": "Replace", "pattern": {"Regex": "[aeiou]"}, "content": "*"})]
    + [{"added_tokens": added(*t)} for t in (
        [{"content": "the"}, {"content": "the the"}, {"content": "b"}],
        [{"content": "the", "single_word": True}, {"content": "-", "lstrip": True, "rstrip": True}],
        [{"content": "e", "normalized": True}, {"content": " d", "normalized": True, "special": True}],
        [{"content": "ab", "lstrip": True}, {"content": "  ", "normalized": False}, {"content": "<s>", "special": True, "rstrip": True}],
        [{"content": "日本", "special": True}, {"content": "it's", "rstrip": True}])]
    + [{"model": m} for m in ({"fuse_unk": False}, {"byte_fallback": False, "fuse_unk": True}, {"byte_fallback": False, "fuse_unk": False},
                              {"byte_fallback": False, "unk_token": None}, {"ignore_merges": True}, {"end_of_word_suffix": "▁"},
                              {"continuing_subword_prefix": "", "end_of_word_suffix": ""})]
)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def write_lines(name, values):
    (HERE / name).write_text("".join(json.dumps(v, ensure_ascii=False) + "\n" for v in values), encoding="utf-8", newline="\n")


def fnv1a(ids):
    h = 0xCBF29CE484222325
    for byte in b"".join(i.to_bytes(4, "little") for i in ids):
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return f"{h:016x}"


def changed(base, change):
    result = read(HERE / f"{base}.json")
    for key, value in change.items():
        if key == "model":
            result["model"].update(value)
        else:
            result[key] = value
    return tokenizers.Tokenizer.from_str(json.dumps(result))


def part_cases():
    for base in ("tinystories-656k", "stories260k"):
        for change in CHANGES:
            judge = changed(base, change)
            cases = []
            for text in PART_TEXTS:
                ids = judge.encode(text).ids
                try:
                    decoded = judge.decode(ids, skip_special_tokens=False)
                except BaseException:  # tokenizers panics on some short tokens; we need not
                    decoded = None
                cases.append([text, ids, decoded])
            yield {"base": base, "change": change, "cases": cases}


def main():
    shared = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/tokenizers")
    rng = random.Random(7)
    texts = PLAIN + [random_text(rng) for _ in range(300)]
    write_lines("texts.jsonl", texts)
    for name in TINY:
        judge = tokenizers.Tokenizer.from_file(str(HERE / f"{name}.json"))
        ids = [judge.encode(t).ids for t in texts]
        write_lines(f"{name}.ids", ids)
        write_lines(f"{name}.txt", [judge.decode(i) for i in ids])
    write_lines("parts.jsonl", part_cases())
    big = []
    for name in BIG:
        judge = tokenizers.Tokenizer.from_file(str(shared / name / "tokenizer.json"))
        big.append({"name": name, "hashes": [fnv1a(judge.encode(t).ids) for t in texts]})
    write_lines("big.jsonl", big)


if __name__ == "__main__":
    main()
