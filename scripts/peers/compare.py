"""Runs fptq and its peers in turn on the same weights, several rounds, and writes one table. scripts/bench_peers.sh
prepares what this needs, and says how to use it."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import engines
import machine
import report
import shapes
import weights

TIME_LIMIT = 900  # seconds for one command


def labelled(text):
    """"LABEL=PATH" or "PATH": (" LABEL" or "", absolute path)."""
    label, found, path = text.rpartition("=")
    path = pathlib.Path(path).absolute()
    if not os.access(path, os.X_OK) or path.is_dir():
        raise argparse.ArgumentTypeError(f"no program at {path}")
    return (f" {label}" if found else "", str(path))


def comma_list(choices, convert=str):
    def parse(text):
        values = [convert(value) for value in text.split(",")]
        for value in values:
            if choices is not None and value not in choices:
                raise argparse.ArgumentTypeError(f"{value} is none of {', '.join(choices)}")
        return values

    return parse


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench_peers.sh", description="fptq beside its peers, in one run")
    parser.add_argument("--fptq", default="build/fptq", help="the program (build/fptq)")
    parser.add_argument("--smollm2", default="demo/SmolLM2-135M-Instruct.Q4_1.gguf", help="SmolLM2 in GGUF (the demo's)")
    parser.add_argument("--llama-bench", type=labelled, action="append", default=[], metavar="[LABEL=]PATH",
                        help="llama.cpp's llama-bench; again for another build")
    parser.add_argument("--ik-llama-bench", type=labelled, action="append", default=[], metavar="[LABEL=]PATH",
                        help="ik_llama.cpp's llama-bench, with llama-quantize beside it")
    parser.add_argument("--models", type=comma_list(shapes.SHAPES), default=list(shapes.SHAPES))
    parser.add_argument("--engines", type=comma_list(engines.NAMES), default=list(engines.NAMES))
    parser.add_argument("--threads", type=comma_list(None, int), default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=2, help="measurements of one command, averaged")
    parser.add_argument("--weights", default="build-peers/weights", help="folder for weights (7 GB; kept)")
    parser.add_argument("--out", default="build-peers/peers", help="writes OUT.md and OUT.json")
    options = parser.parse_args()
    options.fptq = str(pathlib.Path(options.fptq).absolute())
    if "fptq" in options.engines and not os.access(options.fptq, os.X_OK):
        parser.error(f"no program at {options.fptq}; build it (scripts/test.sh) or give --fptq")
    if weights.SMOLLM2 in options.models and not pathlib.Path(options.smollm2).is_file():
        parser.error(f"no file {options.smollm2}; get it with scripts/demo.sh or give --smollm2")
    return options


class Measurement:
    """One engine at one work with so many threads, over the rounds."""

    def __init__(self, shape, engine, work, threads):
        self.shape, self.engine, self.work, self.threads = shape, engine, work, threads
        self.command = engine.command(work, threads)
        self.speeds, self.version, self.failure = [], None, None

    def run(self):
        if self.failure:
            return  # once is enough
        try:
            done = subprocess.run(self.command, capture_output=True, text=True, timeout=TIME_LIMIT)
            if done.returncode != 0:
                reason = (done.stderr.strip() or "no message").splitlines()[-1]
                self.failure = f"ended with {done.returncode}: {reason}"
                return
            speed, self.version = self.engine.read(self.work, done.stdout)
            self.speeds.append(speed)
        except subprocess.TimeoutExpired:
            self.failure = f"took more than {TIME_LIMIT} s"
        except (ValueError, LookupError) as error:
            self.failure = f"gave no figure ({error!r})"

    @property
    def best(self):
        return max(self.speeds, default=None)

    @property
    def median(self):
        return statistics.median(self.speeds) if self.speeds else None


def main():
    options = arguments()
    started = time.strftime("%Y-%m-%d")
    files = weights.Weights(options.weights, options.fptq, options.smollm2, max(options.threads))
    measurements, loads = [], []
    for name in options.models:
        shape = shapes.SHAPES[name]
        print(f"== {name}: preparing weights", file=sys.stderr)
        rows = engines.of_shape(shape, options, files)
        mine = [Measurement(shape, engine, work, threads)
                for threads in options.threads for work in engines.WORKS for engine in rows]
        for round_ in range(options.rounds):
            loads.append(machine.load())
            print(f"== {name}: round {round_ + 1} of {options.rounds}, load {loads[-1]:.1f}", file=sys.stderr)
            # Engines take turns at each work, so that what the machine does meanwhile hits all of them.
            for measurement in mine:
                measurement.run()
        measurements += mine

    out = pathlib.Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    facts = report.facts(measurements, {**machine.describe(), "loads": loads}, started, options)
    out.with_name(out.name + ".json").write_text(json.dumps(facts, indent=1) + "\n")
    table = report.markdown(facts)
    out.with_name(out.name + ".md").write_text(table)
    print(table, end="")
    return 1 if any(measurement.failure for measurement in measurements) else 0


sys.exit(main())
