#!/usr/bin/env bash
# The outside judge: transformers with compressed-tensors runs what fptq writes, and fptq runs what they write; both in
# float32 on the same tokens. What fptq wrote must reach top-1 agreement 99.5 % and mean KL 1e-3 (FPTQ_GATE=limits), or, with
# FPTQ_GATE=judge, come within 1.5 times the distance of transformers in float64 from itself where that is more: int8 flips
# alone can exceed the limits (interop/agreement.py). The models of a few dozen channels always go by the judge.
#   scripts/interop.sh [MODEL ...]     models that fptq quantized; without any, the demo's (scripts/demo.sh) if it was made
# and tiny ones made here on the spot, in every scheme.
# FPTQ names the program (build/fptq), FPTQ_VENV a Python environment to use (.venv), FPTQ_TEXT the text (data/aesop.txt).
# Exits with 77 when the environment is not there and cannot be made (no network).
set -euo pipefail
cd "$(dirname "$0")/.."

fptq=${FPTQ:-build/fptq}
venv=${FPTQ_VENV:-.venv}
text=${FPTQ_TEXT:-data/aesop.txt}
gate=${FPTQ_GATE:-limits}
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
      torch 'transformers>=5.17,<6' 'compressed-tensors>=0.19,<0.21' 'bitsandbytes>=0.50,<0.51' accelerate; then
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
# Layers of four kinds, and some that are not quantized.
cat >"$scratch/mixed.yaml" <<'EOF_RECIPE'
group_size: 32
ignore: ["re:.*layers\\.0\\.mlp", v_proj]
rules:
  - {targets: down_proj, bits: 8}
  - {targets: o_proj, scheme: w4a16}
  - {targets: "re:.*layers\\.[34].*up_proj", symmetric: false}
  - {targets: lm_head, bits: 8}
EOF_RECIPE
quantize_tiny mixed --recipe "$scratch/mixed.yaml"
for scheme in w4a8-llama w3a8 fp8 fp8-static; do
  quantize_tiny "$scheme" --method rtn --scheme "$scheme"
done
quantize_tiny int8-embeddings --method rtn --embeddings int8
quantize_tiny int8-embeddings-only --method rtn --embeddings int8 --head keep
quantize_tiny w4a16-int8-embeddings --method rtn --scheme w4a16 --embeddings int8
quantize_tiny auto --method auto --preset balanced --asym --group-size 32
quantize_tiny fp8-head --method rtn --scheme fp8 --head int8
quantize_tiny w8a8-tensor --method rtn --scheme w8a8 --per-tensor
bitsandbytes=1
if ! "$venv/bin/python" -c 'import bitsandbytes' >/dev/null 2>&1; then
  echo "== SKIPPED: NF4, there is no bitsandbytes in $venv"
  bitsandbytes=
fi
[[ -n $bitsandbytes ]] && quantize_tiny nf4 --method rtn --scheme nf4
# Every other scheme, from the program of the tests that stands beside fptq.
schemes=()
if [[ -x $(dirname "$fptq")/write_schemes ]]; then
  "$(dirname "$fptq")/write_schemes" data/stories260k "$scratch/schemes"
  schemes=("$scratch/schemes"/*)
  [[ -n $bitsandbytes ]] || schemes=($(printf '%s\n' "${schemes[@]}" | grep -v /nf4))
else
  echo "== SKIPPED: other schemes, there is no write_schemes beside $fptq"
fi

failed=0
ours=(scripts/interop/ours_in_transformers.py --fptq "$fptq" --text "$text")
echo "== What fptq wrote, in transformers"
if [[ ${#models[@]} -gt 0 ]]; then
  "$venv/bin/python" "${ours[@]}" --gate "$gate" "${models[@]}" || failed=1
fi
"$venv/bin/python" "${ours[@]}" --gate judge "${tiny[@]}" "${schemes[@]}" || failed=1

echo "== What compressed-tensors wrote, in fptq"
golden=()
sources=(data/stories260k)
shared=../shared/models
if [[ -d $shared ]]; then
  golden=(--golden "$shared/golden-w4a8")
  sources+=("$shared/tinystories-656k")
fi
"$venv/bin/python" scripts/interop/theirs_in_fptq.py --fptq "$fptq" --gate judge "${golden[@]}" "${sources[@]}" || failed=1

[[ $failed -eq 0 ]] && echo "== The engines agree"
exit $failed
