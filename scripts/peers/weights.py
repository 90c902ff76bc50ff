"""The same weights in every engine's format. Each file is made once and then kept; what is half made never looks whole."""

import ctypes
import pathlib
import shutil
import subprocess

SMOLLM2 = "smollm2-135m"  # real weights, from a GGUF file; every other shape gets random ones


class Weights:
    def __init__(self, folder, fptq, smollm2, threads):
        self._folder = pathlib.Path(folder)
        self._fptq = fptq
        self._smollm2 = pathlib.Path(smollm2)
        self._threads = threads
        self._folder.mkdir(parents=True, exist_ok=True)

    def fptq(self, shape, head):
        """Our own format: W4A8, symmetric."""

        def make(path):
            if shape.name == SMOLLM2:
                run([self._fptq, "quantize", str(self._smollm2), str(path), "--group-size", str(shape.group),
                     "--head", head, "--calib", "random", "--no-eval", "--force"])
            else:
                run([self._fptq, "synth", str(path), "--shape", shape.name, "--scheme", "w4a8",
                     "--head", head, "--force"])

        return self._once(f"{shape.name}.fptq-w4a8-head-{head}", make)

    def q4_0(self, shape):
        """llama.cpp's Q4_0 for every matrix, the embedding (which is the head, too) included."""

        def make(path):
            import llama_cpp

            settings = llama_cpp.llama_model_quantize_default_params()
            settings.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0
            settings.nthread = self._threads
            settings.pure = True
            settings.allow_requantize = True
            source = self._original(shape)
            if llama_cpp.llama_model_quantize(str(source).encode(), str(path).encode(), ctypes.byref(settings)) != 0:
                raise SystemExit(f"bench_peers: llama.cpp could not quantize {source}")

        return self._once(f"{shape.name}.Q4_0.gguf", make)

    def iq4_ks(self, shape, quantize):
        """ik_llama.cpp's IQ4_KS, by its own llama-quantize: its kind is unknown to llama.cpp."""
        return self._once(
            f"{shape.name}.IQ4_KS.gguf",
            lambda path: run([quantize, "--pure", "--allow-requantize", str(self._original(shape)), str(path), "IQ4_KS",
                              str(self._threads)]))

    def linear_layers(self, shape, group):
        """An ONNX model of the linear layers alone."""

        def make(path):
            import linear_graph

            path.mkdir()
            linear_graph.write(shape, group, path / "model.onnx")

        return self._once(f"{shape.name}.linear-g{group}", make) / "model.onnx"

    def _original(self, shape):
        if shape.name == SMOLLM2:
            return self._smollm2

        def make(path):
            import random_gguf

            random_gguf.write(shape, path)

        return self._once(f"{shape.name}.F16.gguf", make)

    def _once(self, name, make):
        path = self._folder / name
        if not path.exists():
            partial = self._folder / f"partial.{name}"
            if partial.is_dir():
                shutil.rmtree(partial)
            partial.unlink(missing_ok=True)
            make(partial)
            partial.rename(path)
        return path


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip() or "no message").splitlines()[-1]
        raise SystemExit(f"bench_peers: {' '.join(command)}\nfailed with {done.returncode}: {reason}")
