#!/usr/bin/env python3
"""Judges `fptq eval --tasks` by lm-evaluation-harness (pip install lm-eval==0.4.13, torch, transformers), offline.

  tasks_parity.py golden                       writes src/tasks/testdata: made-up questions in every layout of every
                                               data set, and the prompts that lm-eval makes of them
  tasks_parity.py compare MODEL --fptq build/fptq --data ../shared [--limit 40] [--tasks a,b] [--shots 0]
                                               puts the same questions to the same float model (a Hugging Face
                                               directory) in both, question by question

`compare` prints the questions that differ and why, and exits with 1 when fewer than 99.5 % of all questions have the
same choice or a task's score differs by more than 0.2 points (or by one question, where that is more).

Both use lm-eval's own task files; only where their documents come from is replaced.
"""
import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).resolve().parent.parent
TESTDATA = ROOT / "src/tasks/testdata"
LETTERS = "ABCDE"
# Ours -> lm-eval's, where they differ.
THEIRS = {"lambada": "lambada_openai"}
# The split that lm-eval scores.
SCORED = {"lambada": "test", "arc_easy": "test", "arc_challenge": "test", "openbookqa": "test"}
# Of lm-eval's task files.
FOLDERS = ["lambada", "hellaswag", "piqa", "winogrande", "arc", "openbookqa", "super_glue/boolq", "siqa",
           "commonsense_qa", "mmlu/default"]
NAMES = ["lambada", "hellaswag", "piqa", "winogrande", "arc_easy", "arc_challenge", "openbookqa", "boolq",
         "social_iqa", "commonsense_qa"]


def scored_split(name):
    return "test" if name.startswith("mmlu_") else SCORED.get(name, "validation")


# ---------------------------------------------------------------- lm-eval's tasks on local documents

def lm_eval_task(name, splits, folder, ready_queries=False):
    """lm-eval's task over `splits` (split -> documents in the form of its Hugging Face data set). With
    `ready_queries`, HellaSwag's documents are {"line", "endings", "label"} with the context in one piece."""
    from lm_eval.api.task import ConfigurableTask

    theirs = THEIRS.get(name, name)
    config = dict(task_config(theirs))
    files = {}
    for split, docs in splits.items():
        path = Path(folder) / f"{name}-{split}.jsonl"
        path.write_text("".join(json.dumps(doc) + "\n" for doc in docs))
        files[split] = str(path)
    config.update(dataset_path="json", dataset_name=None, dataset_kwargs={"data_files": files})
    for key, split in (("training_split", "train"), ("validation_split", "validation"), ("test_split", "test")):
        if split not in splits:
            config[key] = None
    if name.startswith("mmlu_") and "dev" not in splits:
        config.pop("fewshot_split", None)
    if ready_queries:
        from lm_eval.tasks.hellaswag.utils import preprocess
        config["process_docs"] = lambda docs: docs.map(lambda doc: {
            "query": preprocess(doc["line"]), "choices": [preprocess(e) for e in doc["endings"]]})
    task = ConfigurableTask(config=config)
    task.set_fewshot_seed(1234)
    return task


def task_config(theirs):
    """A task file of lm-eval with its includes and functions resolved."""
    import lm_eval
    from lm_eval.tasks._yaml_loader import load_yaml
    # TaskManager would read all 10,000 files.
    for folder in FOLDERS:
        for path in (Path(lm_eval.__file__).parent / "tasks" / folder).glob("*.yaml"):
            if re.search(rf'^"?task"?: "?{theirs}"?$', path.read_text(), re.M):
                config = load_yaml(path)
                config.pop("tag", None)
                return config
    sys.exit(f"lm-eval has no task file of {theirs}")


def requests_of(task, limit, shots):
    """[[[context, continuation], ...] for each question], [the right request of each]"""
    task.config.num_fewshot = shots
    task.build_all_requests(limit=limit, rank=0, world_size=1)
    questions, docs = {}, {}
    for instance in task.instances:
        questions.setdefault(instance.doc_id, []).append(list(instance.args))
        docs[instance.doc_id] = instance.doc
    return [questions[i] for i in sorted(questions)], [right(task, docs[i]) for i in sorted(docs)]


def right(task, doc):
    if task.OUTPUT_TYPE == "loglikelihood":
        return 0
    answer = task.doc_to_text(doc) if task.multiple_input else task.doc_to_target(doc)
    return answer if isinstance(answer, int) else task.doc_to_choice(doc).index(answer)


# ---------------------------------------------------------------- made-up questions in every layout

def made_up():
    """name -> {split: documents}; texts are ours, with what prompts stumble over: spaces at ends, marks, quotes,
    letters beyond ASCII."""
    def lettered(n, stem_key, count):
        docs = []
        for i in range(n):
            texts = [f"answer {k} of {i}{' ' if k == 1 else ''}" for k in range(count)]
            docs.append({stem_key: f"{' ' if i == 1 else ''}What is the {i}th \u201cthing\u201d, naïve reader?{' ' if i == 2 else ''}",
                         "choices": {"text": texts, "label": list(LETTERS[:count])},
                         "answerKey": LETTERS[i % count]})
        return docs

    sets = {}

    def add(name, docs):
        sets[name] = {scored_split(name): docs[:3], "train": docs[3:]}

    add("piqa", [{"goal": f"To open jar {i}{'  ' if i == 0 else ''}", "sol1": f"turn the lid {i} times, \"gently\" ",
                  "sol2": f"hit it {i} times — hard", "label": i % 2} for i in range(10)])
    add("hellaswag", [{"activity_label": f"Cooking {i}", "ctx_a": f"A cook [header] stirs pot {i} [title] slowly.",
                       "ctx_b": f"the COOK number {i}", "label": str(i % 4),
                       "endings": [f"tastes [step] it  {k} times." if k else "[substeps] leaves.  " for k in range(4)]}
                      for i in range(10)])
    add("winogrande", [{"sentence": f"The cup {i} was bigger than the bowl, so the _ held  more of {i}. ",
                        "option1": "cup", "option2": "bowl", "answer": str(i % 2 + 1)} for i in range(10)])
    add("arc_easy", lettered(10, "question", 4))
    add("arc_challenge", lettered(10, "question", 4))
    add("openbookqa", lettered(10, "question_stem", 4))
    add("boolq", [{"passage": f"Passage {i} tells\nof rivers.", "question": f"is river {i} long", "label": i % 2}
                  for i in range(10)])
    add("social_iqa", [{"context": f"Kim met Lee {i} times.", "question": f"What will Kim do {i}?", "answerA": "wave",
                        "answerB": f"leave {i}", "answerC": "“nothing” ", "label": str(i % 3 + 1)} for i in range(10)])
    add("commonsense_qa", lettered(10, "question", 5))
    # 30 documents: Python draws from a set when there are more than 21, from a pool when there are fewer.
    sets["piqa"]["train"] = [dict(doc, goal=doc["goal"] + f" again {k}")
                             for k in range(4) for doc in sets["piqa"]["train"]]
    sets["lambada"] = {"test": [{"text": f"The {w} saw the {w} near the old\n\nhouse, and it was the {w}{e}"}
                                for w, e in (("dog", ""), ("ca\u00f1on", "."), ("bird", "'s"), ("horse", ""))]}
    subject = "abstract_algebra"
    docs = [{"question": f" Find x{i} in \"Z_{i}\",\nwhere x = {i}. ", "answer": i % 4,
             "choices": [f"{k}, or {i}" for k in range(4)]} for i in range(8)]
    sets[f"mmlu_{subject}"] = {"test": docs[:3], "dev": docs[3:]}
    return sets


def write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines))


def write_json_lines(path, docs):
    write_lines(path, [json.dumps(doc, ensure_ascii=False) for doc in docs])


def ai2(doc, key):
    choices = [{"text": t, "label": l} for t, l in zip(doc["choices"]["text"], doc["choices"]["label"])]
    return {"question": {"stem": doc[key], "choices": choices}, "answerKey": doc["answerKey"]}


def write_layouts(folder, sets):
    """Writes every layout under its own folder, so that each is found alone. -> [(data folder, task, shots)]"""
    cases = []

    def layout(case, name, write, shots=(0,)):
        write(folder / case)
        cases.extend((case, name, n) for n in shots)

    def original(name, test, train, convert, labels=None):
        def write(at):
            for file, docs in ((test, sets[name][scored_split(name)]), (train, sets[name].get("train", []))):
                write_json_lines(at / file, [convert(doc) for doc in docs])
                if labels:
                    write_lines((at / file).with_name(Path(file).stem + "-labels.lst"), [str(d["label"]) for d in docs])
        return write

    def without(*keys):
        return lambda doc: {k: v for k, v in doc.items() if k not in keys}

    layout("lambada", "lambada", lambda at: write_json_lines(at / "lambada/lambada_test.jsonl", sets["lambada"]["test"]),
           (0, 2))
    layout("piqa", "piqa", original("piqa", "piqa/valid.jsonl", "piqa/train.jsonl", without("label"), True), (0, 2, 6))
    layout("hellaswag", "hellaswag", original("hellaswag", "hellaswag/hellaswag_val.jsonl",
                                              "hellaswag/hellaswag_train.jsonl",
                                              lambda d: dict(d, label=int(d["label"]))), (0, 1))
    layout("winogrande", "winogrande", original("winogrande", "winogrande_1.1/dev.jsonl",
                                                "winogrande_1.1/train_xl.jsonl", dict), (0, 2))
    for name, folder_name in (("arc_easy", "ARC-Easy"), ("arc_challenge", "ARC-Challenge")):
        base = f"ARC-V1-Feb2018-2/{folder_name}/{folder_name}"
        layout(name, name, original(name, f"{base}-Test.jsonl", f"{base}-Train.jsonl", lambda d: ai2(d, "question")),
               (0, 3))
    base = "OpenBookQA-V1-Sep2018/Data/Main"
    layout("openbookqa", "openbookqa", original("openbookqa", f"{base}/test.jsonl", f"{base}/train.jsonl",
                                                lambda d: ai2(d, "question_stem")), (0, 1))
    layout("boolq", "boolq", original("boolq", "boolq/dev.jsonl", "boolq/train.jsonl", lambda d: {
        "question": d["question"], "passage": d["passage"], "answer": bool(d["label"])}), (0, 1))
    layout("boolq-superglue", "boolq", original("boolq", "BoolQ/val.jsonl", "BoolQ/train.jsonl",
                                                lambda d: dict(d, label=bool(d["label"]))))
    layout("social_iqa", "social_iqa", original("social_iqa", "social_iqa/dev.jsonl", "social_iqa/train.jsonl",
                                                without("label"), True), (0, 1))
    layout("commonsense_qa", "commonsense_qa", original(
        "commonsense_qa", "commonsenseqa/dev_rand_split.jsonl", "commonsenseqa/train_rand_split.jsonl",
        lambda d: ai2(d, "question")), (0, 2))
    layout("commonsense_qa-flat", "commonsense_qa", original(
        "commonsense_qa", "commonsenseqa/dev_rand_split.jsonl", "commonsenseqa/train_rand_split.jsonl", dict))

    def mmlu(header):
        def write(at):
            for split, docs in sets["mmlu_abstract_algebra"].items():
                path = at / f"mmlu/{split}/abstract_algebra_{split}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "w", newline="") as file:
                    writer = csv.writer(file, lineterminator="\n")
                    if header:
                        writer.writerow(["question", "choice0", "choice1", "choice2", "choice3", "answer"])
                    for doc in docs:
                        writer.writerow([doc["question"], *doc["choices"],
                                         doc["answer"] if header else LETTERS[doc["answer"]]])
        return write
    layout("mmlu", "mmlu_abstract_algebra", mmlu(False), (0, 5))
    layout("mmlu-header", "mmlu_abstract_algebra", mmlu(True), (2,))
    return cases


def golden():
    sets = made_up()
    cases = write_layouts(TESTDATA / "layouts", sets)
    out = []
    with tempfile.TemporaryDirectory() as scratch:
        for case, name, shots in cases:
            task = lm_eval_task(name, sets[name], scratch)
            questions, answers = requests_of(task, None, shots)
            out.append({"data": case, "task": name, "shots": shots, "questions": questions, "answers": answers})
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in out)
    (TESTDATA / "prompts.json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(out)} cases in {TESTDATA}")


# ---------------------------------------------------------------- the real data, as ../shared keeps them

def lines_of(path):
    return path.read_text().splitlines()


def json_lines(path):
    return [json.loads(line) for line in lines_of(path)]


def instructions(path, label):
    docs = []
    for entry in json.loads(path.read_text()):
        text = re.split(r"(?:question|sentence): ", entry["instruction"], maxsplit=1)[1]
        text = re.split(r"\s*Answer format:", text)[0]
        question, rest = text.split(f"\n\n{label}1: ", 1)
        texts = re.split(rf" {label}[2-5]: ", rest)
        docs.append((question, texts, int(entry["answer"][-1]) - 1))
    return docs


def real(name, data):
    """-> (splits, HellaSwag's contexts come in one piece)"""
    bench = data / "bench"
    if name == "lambada":
        return {"test": json_lines(data / "text/lambada/lambada_test.jsonl")}, False
    if name == "piqa":
        docs = json_lines(bench / "piqa/valid.jsonl")
        labels = lines_of(bench / "piqa/valid-labels.lst")
        return {"validation": [dict(d, label=int(l)) for d, l in zip(docs, labels, strict=True)]}, False
    if name == "hellaswag":
        lines = (bench / "hellaswag/hellaswag_val_full.txt").read_text().split("\n")
        return {"validation": [{"line": lines[i], "label": lines[i + 1].strip(), "endings": lines[i + 2:i + 6]}
                               for i in range(0, len(lines) - 5, 6)]}, True
    if name == "winogrande":
        docs = instructions(bench / "instruct/winogrande.json", "Option")
        return {"validation": [{"sentence": q, "option1": c[0], "option2": c[1], "answer": str(a + 1)}
                               for q, c, a in docs]}, False
    if name in ("arc_easy", "arc_challenge"):
        file = {"arc_easy": "ARC-Easy", "arc_challenge": "ARC-Challenge"}[name]
        docs = instructions(bench / f"instruct/{file}.json", "Answer")
        return {"test": [{"question": q, "choices": {"text": c, "label": list(LETTERS[:len(c)])},
                          "answerKey": LETTERS[a]} for q, c, a in docs]}, False
    if name == "openbookqa":
        docs = []
        for row in (line.split("\t") for line in lines_of(bench / "openbookqa/test.tsv")[1:]):
            texts = re.split(r" ?\([A-D]\) ", row[2])[1:]
            docs.append({"question_stem": row[1], "choices": {"text": texts, "label": list(LETTERS[:len(texts)])},
                         "answerKey": row[4]})
        return {"test": docs}, False
    if name == "boolq":
        docs = []
        for entry in json.loads((bench / "instruct/boolq.json").read_text()):
            question = re.search(r"question: (.*?)\??\n\nAnswer format", entry["instruction"], re.S)[1]
            docs.append({"passage": "", "question": question, "label": int(entry["answer"] == "true")})
        return {"validation": docs}, False
    if name == "social_iqa":
        # Context and question are one text here; lm-eval's template puts a space between them.
        docs = []
        for q, c, a in instructions(bench / "instruct/social_i_qa.json", "Answer"):
            context, question = q.split(" ", 1)
            docs.append({"context": context, "question": question, "answerA": c[0], "answerB": c[1],
                         "answerC": c[2], "label": str(a + 1)})
        return {"validation": docs}, False
    if name == "commonsense_qa":
        return {"validation": json_lines(bench / "commonsenseqa/dev_rand_split.jsonl")}, False
    subject = name.removeprefix("mmlu_")
    splits = {}
    for split in ("test", "dev"):
        with open(bench / f"mmlu/{split}/{subject}_{split}.csv", newline="") as file:
            splits[split] = [{"question": r[0], "choices": r[1:5], "answer": int(r[5])}
                             for r in list(csv.reader(file))[1:]]
    return splits, False


# ---------------------------------------------------------------- question by question

def best(values):
    return max(range(len(values)), key=lambda i: values[i])


def choice(name, answer):
    return int(answer["greedy"][0]) if name == "lambada" else best(answer["log_likelihoods"])


def compare(args):
    import torch
    from lm_eval.models.huggingface import HFLM
    torch.set_num_threads(args.threads)
    names = args.tasks.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        answers = Path(args.answers or Path(scratch) / "answers.jsonl")
        command = [args.fptq, "eval", args.model, "--tasks", args.tasks, "--data", args.data, "--num-fewshot",
                   str(args.shots), "--answers", str(answers), "--kv", "f32", "--json", "-q", "-t",
                   str(args.threads)] + (["--limit", str(args.limit)] if args.limit else [])
        ours = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        scores = {task["task"]: task["metrics"] for task in ours["tasks"]}
        by_task = {}
        for line in lines_of(answers)[1:]:
            answer = json.loads(line)
            by_task.setdefault(answer["task"], []).append(answer)

        lm = HFLM(pretrained=args.model, device="cpu", dtype="float32", batch_size=1)
        total = same = 0
        failed = False
        print(f"{'task':22} {'questions':>9} {'same':>5}  largest difference   theirs / ours")
        for name in names:
            splits, ready = real(name, Path(args.data))
            task = lm_eval_task(name, splits, scratch, ready)
            task.config.num_fewshot = args.shots
            task.build_all_requests(limit=args.limit, rank=0, world_size=1)
            results = lm.loglikelihood(task.instances, disable_tqdm=True)
            theirs = {}
            for instance, result in zip(task.instances, results, strict=True):
                theirs.setdefault(instance.doc_id, []).append((instance, result))
            equal, largest, sums = 0, 0.0, {}
            for n, answer in enumerate(by_task[name]):
                pairs = theirs[n]
                lls = [float(r[0]) for _, r in pairs]
                judged = task.process_results(pairs[0][0].doc, [r for _, r in pairs])
                for metric, value in judged.items():
                    sums[metric] = sums.get(metric, 0.0) + float(value)
                mine = answer["log_likelihoods"]
                largest = max(largest, max(abs(a - b) for a, b in zip(lls, mine, strict=True)))
                other = {"log_likelihoods": lls, "greedy": [bool(r[1]) for _, r in pairs]}
                if choice(name, other) == choice(name, answer):
                    equal += 1
                else:
                    ranked = sorted(lls, reverse=True)
                    gap = ranked[0] - ranked[1] if len(ranked) > 1 else float("nan")
                    print(f"  {name} question {n}: theirs {choice(name, other)}, ours {choice(name, answer)}; their best "
                          f"two are {gap:.5f} apart, likelihoods differ by up to "
                          f"{max(abs(a - b) for a, b in zip(lls, mine)):.5f}")
            count = len(by_task[name])
            total, same = total + count, same + equal
            shown = []
            for metric, value in sums.items():
                their = value / count
                if metric == "perplexity":
                    import math
                    their = math.exp(-their)
                    shown.append(f"{metric} {their:.4f} / {scores[name][metric]:.4f}")
                    off = abs(their / scores[name][metric] - 1) > 0.002
                else:
                    shown.append(f"{metric} {100 * their:.2f} / {100 * scores[name][metric]:.2f}")
                    off = abs(their - scores[name][metric]) > max(0.002, 1.001 / count)
                failed = failed or off
            print(f"{name:22} {count:9} {equal:5}  {largest:18.6f}   {', '.join(shown)}", flush=True)
    share = same / total
    print(f"{same} of {total} questions have the same choice: {100 * share:.2f} %")
    return 1 if failed or share < 0.995 else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("golden")
    run = commands.add_parser("compare")
    run.add_argument("model")
    run.add_argument("--fptq", default=str(ROOT / "build/fptq"))
    run.add_argument("--data", default=str(ROOT.parent / "shared"))
    run.add_argument("--tasks", default=",".join(NAMES + ["mmlu_anatomy", "mmlu_moral_scenarios"]))
    run.add_argument("--limit", type=int, default=40, help="questions of each task, 0 for all")
    run.add_argument("--shots", type=int, default=0)
    run.add_argument("--threads", type=int, default=os.cpu_count())
    run.add_argument("--answers", help="keep fptq's answers in this file (and go on from it)")
    args = parser.parse_args()
    if args.command == "golden":
        return golden()
    args.limit = args.limit or None
    return compare(args)


if __name__ == "__main__":
    sys.exit(main())
