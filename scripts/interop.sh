#!/usr/bin/env bash
# The outside judge: transformers with compressed-tensors runs what fptq writes, and fptq runs what they write; both in
# float32 on the same tokens. Fails when top-1 agreement is below 99.5 % or mean KL above 1e-3.
#   scripts/interop.sh [MODEL ...]     models that fptq quantized; without any, the demo's (scripts/demo.sh) if it was made
# Tiny ones made here on the spot are compared, too; single int8 flips show in them, so they have limits of their own.
# FPTQ names the program (build/fptq), FPTQ_VENV a Python environment to use (.venv), FPTQ_TEXT the text (data/aesop.txt).
# Exits with 77 when the environment is not there and cannot be made (no network).
set -euo pipefail
cd "$(dirname "$0")/.."

fptq=${FPTQ:-build/fptq}
venv=${FPTQ_VENV:-.venv}
text=${FPTQ_TEXT:-data/aesop.txt}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if [[ ! -x $fptq ]]; then
  echo "interop: no program at $fptq; build it first (scripts/test.sh), or set FPTQ" >&2
  exit 1
fi

has_packages() {
  [[ -x $venv/bin/python ]] &&
    "$venv/bin/python" -c 'import torch, transformers, compressed_tensors, safetensors, tokenizers' >/dev/null 2>&1
}
if ! has_packages; then
  echo "== Making a Python environment in $venv (transformers, compressed-tensors, torch; some minutes)"
  if ! python3 -m venv "$venv" ||
    ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 2 \
      torch 'transformers>=5.17,<6' 'compressed-tensors>=0.19,<0.21'; then
    echo "interop: SKIPPED: pip could not install transformers and compressed-tensors (no network?)" >&2
    exit 77
  fi
fi
export TRANSFORMERS_OFFLINE=1 HF_HUB_OFFLINE=1 TQDM_DISABLE=1 TRANSFORMERS_VERBOSITY=error

models=("$@")
demo=demo/SmolLM2-135M-Instruct-W4A8
[[ ${#models[@]} -eq 0 && -d $demo ]] && models=("$demo")

tiny=()
quantize_tiny() {
  local name=$scratch/stories260k-$1
  shift
  "$fptq" quantize data/stories260k "$name" --calib random --no-eval "$@" >"$scratch/log" 2>&1 || {
    cat "$scratch/log" >&2
    exit 1
  }
  tiny+=("$name")
}
quantize_tiny w4a8
quantize_tiny w4a8-asym --asym --group-size 32

failed=0
ours=(scripts/interop/ours_in_transformers.py --fptq "$fptq" --text "$text")
echo "== What fptq wrote, in transformers"
if [[ ${#models[@]} -gt 0 ]]; then
  "$venv/bin/python" "${ours[@]}" "${models[@]}" || failed=1
fi
"$venv/bin/python" "${ours[@]}" --tiny "${tiny[@]}" || failed=1

echo "== What compressed-tensors wrote, in fptq"
golden=()
sources=(data/stories260k)
shared=../shared/models
if [[ -d $shared ]]; then
  golden=(--golden "$shared/golden-w4a8")
  sources+=("$shared/tinystories-656k")
fi
"$venv/bin/python" scripts/interop/theirs_in_fptq.py --fptq "$fptq" "${golden[@]}" "${sources[@]}" || failed=1

[[ $failed -eq 0 ]] && echo "== The engines agree"
exit $failed
