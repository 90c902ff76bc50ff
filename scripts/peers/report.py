"""One JSON object of all that was measured, and the Markdown table made of it."""

import os
import shlex

SCHEMA = "fptq.bench_peers.v1"


def facts(measurements, machine, date, options):
    ours = {_place(m): m for m in measurements if m.engine.yardstick}
    results = []
    for m in measurements:
        fptq = ours.get(_place(m))
        results.append({
            "model": m.shape.name,
            "engine": m.engine.name,
            "weights": m.engine.weights,
            "whole_model": m.engine.whole_model,
            "work": m.work.name,
            "prompt": m.work.prompt,
            "gen": m.work.gen,
            "threads": m.threads,
            "tokens_per_s": m.speeds,
            "best": m.best,
            "median": m.median,
            "fptq_ratio_best": _ratio(fptq and fptq.best, m.best),
            "fptq_ratio_median": _ratio(fptq and fptq.median, m.median),
            "version": m.version,
            "command": shlex.join(m.command),
            "failure": m.failure,
        })
    return {"schema": SCHEMA, "date": date, "machine": machine, "rounds": options.rounds, "repeats": options.repeats,
            "results": results}


def _place(m):
    return (m.shape.name, m.work.name, m.threads)


def _ratio(fptq, peer):
    return fptq / peer if fptq and peer else None


def markdown(facts):
    results = facts["results"]
    columns = list(dict.fromkeys((r["work"], r["prompt"], r["gen"], r["threads"]) for r in results))
    columns.sort(key=lambda column: (column[0] != "prefill", column[3]))
    rows = {}
    for r in results:
        row = rows.setdefault((r["model"], r["engine"], r["weights"]), {})
        row[(r["work"], r["prompt"], r["gen"], r["threads"])] = r

    titles = ["model", "engine", "weights"] + [_title(*column) for column in columns]
    lines = ["| " + " | ".join(titles) + " |", "|---" * 3 + "|--:" * len(columns) + "|"]
    for names, row in rows.items():
        lines.append("| " + " | ".join([*names, *(_cell(row[column]) for column in columns)]) + " |")

    machine = facts["machine"]
    loads = machine["loads"]
    text = [
        *lines, "",
        f"Tokens/s, best / median; rounds in which the engines take turns: {facts['rounds']}, each the mean of repeats: "
        f"{facts['repeats']}; in brackets how many times as fast fptq is, best to "
        "best, with the int4 head, which reads as many bytes as Q4_0 --pure does; caches of keys and values have 16 bits. "
        "\"Linear layers only\" leaves out attention, norms and everything else: a lower bound of that engine's time, "
        "not a model.", "",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"{machine['system']}; {' '.join(machine['isa'])}; load {min(loads):.1f} to {max(loads):.1f} before each "
        f"round, the engines' own included; {facts['date']}.", "",
    ]
    if machine["environment"]:
        text += ["Held back by: " + " ".join(f"{k}={v}" for k, v in machine["environment"].items()) + ".", ""]
    versions = dict.fromkeys(f"{r['engine']}: {r['version']}" for r in results if r["version"])
    text += ["Versions: " + "; ".join(versions) + ".", ""]
    failures = [f"- {r['engine']}, {r['model']}, {r['work']}, {r['threads']} threads: {r['failure']}"
                for r in results if r["failure"]]
    if failures:
        text += ["Failed:", "", *failures, ""]
    commands = [r["command"] for r in results if r["threads"] == columns[0][3]]
    text += ["Commands (with as many threads as the column says):", "", *(f"    {c}" for c in commands)]
    return "\n".join(text).replace(os.getcwd() + "/", "") + "\n"


def _title(work, prompt, gen, threads):
    tokens = f"{gen} after {prompt}" if gen else prompt
    return f"{work} {tokens}, {threads} thread{'s' if threads > 1 else ''}"


def _cell(result):
    if not result["tokens_per_s"]:
        return "failed"
    best, median = (f"{value:.0f}" if value >= 100 else f"{value:.1f}" for value in (result["best"], result["median"]))
    ratio = result["fptq_ratio_best"]
    if ratio is None or result["engine"] == "fptq":
        return f"{best} / {median}"
    return f"{best} / {median} (× {ratio:.2f})"
