#!/usr/bin/env bash
# fptq beside the other CPU engines at four-bit weights: same machine, same weights, taking turns. Writes one Markdown table
# with ratios, machine, versions and commands (build-peers/peers.md), and the same as JSON.
#   scripts/bench_peers.sh [--venv DIR] [options]     options: scripts/bench_peers.sh --help
#   scripts/bench_peers.sh --llama-bench ~/llama.cpp/build/bin/llama-bench --ik-llama-bench ~/ik_llama.cpp/build/bin/llama-bench
# Without builds of llama.cpp it is measured through llama-cpp-python. All that is installed goes into a Python environment,
# --venv (build-peers/venv); llama-cpp-python is compiled for this machine, which takes some minutes.
# To hold engines to a lesser instruction set: FPTQ_ISA=avx2, ONEDNN_MAX_CPU_ISA=AVX2, and builds of llama.cpp made for it.
# Needs a built fptq (build/fptq) and the demo's model (scripts/demo.sh). Exits with 1 when an engine failed.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=build-peers/venv
if [[ "${1:-}" == --venv ]]; then
  venv=${2:?bench_peers: --venv needs a folder}
  shift 2
fi

has_packages() {
  [[ -x $venv/bin/python ]] &&
    "$venv/bin/python" -c 'import gguf, llama_cpp, numpy, onnx, onnxruntime, openvino, openvino_genai' >/dev/null 2>&1
}

# GCC 12 takes _tile_loadconfig to read 8 bytes and drops the stores of the other 56 as dead: llama.cpp would then crash
# on machines with AMX. -fno-dse keeps them.
install_packages() {
  python3 -m venv "$venv" &&
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 2 \
      numpy onnx gguf onnxruntime openvino openvino-genai &&
    CMAKE_ARGS="-DGGML_NATIVE=ON -DCMAKE_CXX_FLAGS=-fno-dse" \
      "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 2 llama-cpp-python
}

if [[ "${1:-}" != --help ]] && ! has_packages; then
  echo "== Making a Python environment in $venv (llama-cpp-python, onnxruntime, OpenVINO; ten minutes or so)"
  if ! install_packages; then
    echo "bench_peers: pip could not install the peers into $venv" >&2
    exit 1
  fi
fi

python=$venv/bin/python
[[ -x $python ]] || python=python3
exec "$python" scripts/peers/compare.py "$@"
