#!/usr/bin/env python3
"""Measures what method auto reaches against the goals set for it, on one model, and prints a table.

  scripts/goals.py --model SmolLM2-135M-Instruct --calib wiki.train.txt --text WikiText-2=wiki.test.raw [--text NAME=FILE ...]

For every preset and form: seconds to quantize, peak memory, mean KL from the unquantized model on each text (--tokens at
--ctx); then what 8-bit activations, static ones and the lack of calibration data cost. A line that misses its goal says
so. The quantized models stay in --work, and a measurement found there is not made again. Whoever wants times to mean
something leaves the machine alone meanwhile.
"""
import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

# Mean KL on the first text, groups of 64, and seconds on two cores.
KL_GOALS = {("balanced", "sym"): 0.15, ("balanced", "asym"): 0.12, ("best", "sym"): 0.095, ("best", "asym"): 0.075}
SECONDS_GOALS = {"fast": 60, "balanced": 300, "best": 1800}
ACTIVATIONS_GOAL, STATIC_KL_GOAL, STATIC_SHARE_GOAL, NO_DATA_GOAL = 1.05, 1.03, 0.5, 1.3


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fptq", default="build/fptq")
    parser.add_argument("--model", required=True, help="the unquantized model")
    parser.add_argument("--calib", required=True, help="calibration text that shares nothing with the others")
    parser.add_argument("--text", action="append", required=True, metavar="NAME=FILE", help="held out; the first has the goals")
    parser.add_argument("--presets", default="fast,balanced,best")
    parser.add_argument("--forms", default="asym,sym")
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--ctx", type=int, default=1024)
    parser.add_argument("--work", default="goals", type=Path)
    return parser.parse_args()


class Bench:
    def __init__(self, args):
        self.args = args
        self.texts = dict(text.split("=", 1) for text in args.text)
        args.work.mkdir(parents=True, exist_ok=True)

    def quantize(self, name, preset, form, *more):
        """The model's folder and what the run took; from an earlier call where there was one."""
        folder, record = self.args.work / name, self.args.work / f"{name}.json"
        if not record.exists():
            command = [self.args.fptq, "quantize", self.args.model, str(folder), "--method", "auto", "--preset", preset,
                       "--group-size", "64", f"--{form}", "--no-eval", "--force", "--json", "-q", *more]
            started = time.monotonic()
            result = json.loads(self.run(command))
            result["wall_seconds"] = time.monotonic() - started
            record.write_text(json.dumps(result))
        return folder, json.loads(record.read_text())

    def divergence(self, folder, text):
        record = self.args.work / f"{folder.name}.{re.sub('[^A-Za-z0-9]', '_', text)}.json"
        if not record.exists():
            record.write_text(self.run([self.args.fptq, "eval", str(folder), "--reference", self.args.model, "--text", self.texts[text],
                                        "--ctx", str(self.args.ctx), "--max-tokens", str(self.args.tokens), "--json", "-q"]))
        return json.loads(record.read_text())["kl"]["mean"]

    def float_inputs(self, folder):
        """The same weights with inputs as they are."""
        twin = folder.with_name(folder.name + "-a16")
        if not twin.exists():
            shutil.copytree(folder, twin)
            path = twin / "config.json"
            config = json.loads(path.read_text())
            for group in config["quantization_config"]["config_groups"].values():
                group["input_activations"] = None
            path.write_text(json.dumps(config))
        return twin

    def run(self, command):
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if result.returncode != 0:
            sys.exit(f"goals: {' '.join(command)} ended with {result.returncode}")
        return result.stdout


def line(what, value, goal=None, unit=""):
    verdict = "" if goal is None else f"goal {goal:g}{unit}: " + ("met" if value <= goal else f"missed, {value / goal:.2f} x")
    print(f"{what:<52}{value:>10.4g}{unit:<3} {verdict}", flush=True)


def static_share(result):
    inputs = result["inputs"]
    return sum(i["activation"] == "static" for i in inputs) / len(inputs)


def main():
    args = options()
    bench = Bench(args)
    first = next(iter(bench.texts))
    calibrated = ["--calib", args.calib]
    for preset in args.presets.split(","):
        for form in args.forms.split(","):
            folder, result = bench.quantize(f"{preset}-{form}", preset, form, *calibrated)
            line(f"{preset} {form}: seconds", result["wall_seconds"], SECONDS_GOALS[preset], " s")
            line(f"{preset} {form}: peak memory", result["timing"]["peak_rss_bytes"] / 1e6, None, " MB")
            line(f"{preset} {form}: bits per weight", result["bits_per_weight"])
            for text in bench.texts:
                line(f"{preset} {form}: KL on {text}", bench.divergence(folder, text), KL_GOALS.get((preset, form)) if text == first else None)

    preset, form = args.presets.split(",")[0], args.forms.split(",")[0]
    folder, result = bench.quantize(f"{preset}-{form}", preset, form, *calibrated)
    print(f"\n{preset} {form}, on {first}:")
    kl = bench.divergence(folder, first)
    line("KL over that of the same weights, inputs as they are", kl / bench.divergence(bench.float_inputs(folder), first), ACTIVATIONS_GOAL)
    share = static_share(result)
    line("share of inputs that are not static", 1 - share, 1 - STATIC_SHARE_GOAL)
    tokens, _ = bench.quantize(f"{preset}-{form}-token", preset, form, "--scheme", "w4a8-token", *calibrated)
    line("KL over that with a scale per token everywhere", kl / bench.divergence(tokens, first), STATIC_KL_GOAL)
    for source in ("self", "random"):
        without, _ = bench.quantize(f"{preset}-{form}-{source}", preset, form, "--calib", source)
        line(f"KL without data, --calib {source}, over that with", bench.divergence(without, first) / kl, NO_DATA_GOAL)


if __name__ == "__main__":
    main()
