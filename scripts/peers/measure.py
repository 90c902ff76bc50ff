"""What the measuring programs share: their command line, their clock and their answer."""

import argparse
import importlib.metadata
import json
import statistics
import time


def parser(description):
    result = argparse.ArgumentParser(description=description)
    result.add_argument("model")
    result.add_argument("--work", choices=("prefill", "decode"), required=True)
    result.add_argument("--threads", type=int, required=True)
    result.add_argument("--prompt", type=int, required=True, help="tokens of the prompt")
    result.add_argument("--gen", type=int, default=0, help="tokens to generate after it (decode)")
    result.add_argument("--repeats", type=int, required=True)
    return result


def tokens_per_s(repeats, tokens, work, prepare=lambda: None):
    """Mean over `repeats` of the speed of work(), which handles `tokens` tokens; once before, unmeasured, to warm up."""
    speeds = []
    for repeat in range(repeats + 1):
        prepare()
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        if repeat > 0:
            speeds.append(tokens / seconds)
    return statistics.mean(speeds)


def answer(speed, package):
    print(json.dumps({"tokens_per_s": speed, "version": f"{package} {importlib.metadata.version(package)}"}))
