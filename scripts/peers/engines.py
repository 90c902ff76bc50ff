"""The engines that are compared: for each a name, what it runs, the command that measures it, and how to read the answer.
A row costs one function here."""

import collections
import dataclasses
import json
import pathlib
import subprocess
import sys
import typing

PEERS = pathlib.Path(__file__).parent

Work = collections.namedtuple("Work", "name prompt gen")  # gen tokens written after a prompt of so many; 0: reading alone
WORKS = (Work("prefill", 512, 0), Work("decode", 128, 128))


@dataclasses.dataclass(frozen=True)
class Engine:
    name: str
    weights: str
    command: typing.Callable  # (work, threads) -> list of words
    read: typing.Callable  # (work, standard output) -> (tokens/s, version)
    whole_model: bool = True
    yardstick: bool = False  # what the others' ratios are taken to


def of_shape(shape, options, weights):
    """Every engine that can run `shape` here, fptq first. Makes the weights that are missing."""
    builders = {
        "fptq": _fptq,
        "llama-bench": _llama_bench,
        "ik-llama-bench": _ik_llama_bench,
        "llama-cpp-python": _llama_cpp_python,
        "openvino-genai": _openvino_genai,
        "onnxruntime": _onnxruntime,
        "openvino": _openvino,
    }
    return [engine for name in options.engines for engine in builders[name](shape, options, weights)]


NAMES = ("fptq", "llama-bench", "ik-llama-bench", "llama-cpp-python", "openvino-genai", "onnxruntime", "openvino")


def _fptq(shape, options, weights):
    # With a head of 4 bits it reads as many bytes per token as Q4_0 --pure; a head of 8 bits is what costs no accuracy.
    for head in ("int8", "int4"):
        yield _fptq_with_head(shape, options, weights.fptq(shape, head), head)


def _fptq_with_head(shape, options, model, head):
    version = subprocess.run([options.fptq, "--version"], capture_output=True, text=True).stdout.strip().splitlines()[0]

    def command(work, threads):
        # At least one token is always written.
        return [options.fptq, "bench", str(model), "--threads", str(threads), "--prompt", str(work.prompt),
                "--gen", str(max(work.gen, 1)), "--kv", "f16", "--repeats", str(options.repeats), "--json"]

    def read(work, output):
        return json.loads(output)["runs"][0][f"{work.name}_tokens_per_s"], version

    return Engine("fptq", f"W4A8, groups of {shape.group}, {head} head", command, read, yardstick=head == "int4")


def _llama_bench(shape, options, weights):
    for label, program in options.llama_bench:
        model = weights.q4_0(shape)

        def command(work, threads, program=program):
            tested = ["-p", str(work.prompt), "-n", "0"]
            if work.gen:
                tested = ["-p", "0", "-n", str(work.gen), "-d", str(work.prompt)]
            return [program, "-m", str(model), "-t", str(threads), *tested, "-r", str(options.repeats), "-o", "json"]

        yield Engine(f"llama.cpp{label}", "Q4_0 --pure, repacked at load", command, _read_llama_bench("llama.cpp"))


def _ik_llama_bench(shape, options, weights):
    for label, program in options.ik_llama_bench:
        kinds = [("Q4_0 --pure -rtr 1", weights.q4_0(shape), ["-rtr", "1"])]
        # Rows of IQ4_KS come in blocks of 256; of others ik_llama.cpp makes something else.
        if all(inputs % 256 == 0 for _, inputs, _ in shape.linear_layers()):
            quantize = pathlib.Path(program).with_name("llama-quantize")
            kinds.append(("IQ4_KS --pure", weights.iq4_ks(shape, str(quantize)), []))
        for kind, model, extra in kinds:

            def command(work, threads, program=program, model=model, extra=extra):
                tested = ["-p", str(work.prompt), "-n", "0"]
                if work.gen:
                    tested = ["-p", "0", "-n", "0", "-gp", f"{work.prompt},{work.gen}"]
                return [program, "-m", str(model), "-t", str(threads), *tested, *extra, "-r", str(options.repeats),
                        "-o", "json"]

            yield Engine(f"ik_llama.cpp{label}", kind, command, _read_llama_bench("ik_llama.cpp"))


def _read_llama_bench(project):
    def read(work, output):
        run = json.loads(output)[-1]
        return run["avg_ts"], f"{project} {run['build_commit']} ({run['build_number']})"

    return read


def _llama_cpp_python(shape, options, weights):
    model = weights.q4_0(shape)
    yield Engine("llama-cpp-python", "Q4_0 --pure, repacked at load", _program("measure_llama_cpp.py", model, options),
                 _read_program)


def _openvino_genai(shape, options, weights):
    model = weights.q4_0(shape)
    yield Engine("openvino-genai", "Q4_0 --pure, from GGUF", _program("measure_openvino_genai.py", model, options),
                 _read_program)


def _groups(shape):
    return sorted({shape.group, 32}, reverse=True)


def _onnxruntime(shape, options, weights):
    for group in _groups(shape):
        model = weights.linear_layers(shape, group)
        yield Engine("onnxruntime, linear layers only", f"MatMulNBits, accuracy level 4, groups of {group}",
                     _program("measure_onnxruntime.py", model, options), _read_program, whole_model=False)


def _openvino(shape, options, weights):
    for group in _groups(shape):
        model = weights.linear_layers(shape, group)
        yield Engine("openvino, linear layers only", f"int4, dynamic int8 (bf16 with AMX), groups of {group}",
                     _program("measure_openvino.py", model, options, "--group", str(group)), _read_program,
                     whole_model=False)


def _program(name, model, options, *extra):
    def command(work, threads):
        return [sys.executable, str(PEERS / name), str(model), "--work", work.name, "--threads", str(threads),
                "--prompt", str(work.prompt), "--gen", str(work.gen), "--repeats", str(options.repeats), *extra]

    return command


def _read_program(work, output):
    del work
    answer = json.loads(output.strip().splitlines()[-1])
    return answer["tokens_per_s"], answer["version"]
