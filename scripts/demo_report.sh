#!/usr/bin/env bash
# Quantizes one model in many ways, measures each, and makes their report. What is there already is not done again.
#   scripts/demo_report.sh MODEL DIR [CALIBRATION_TEXT [EVALUATION_TEXT]]
# Without texts: random tokens, and data/aesop.txt. FPTQ names the program (build/fptq), TOKENS the tokens to evaluate
# on (2048), SEQLEN those of a calibration window (512), THREADS those to measure speed with (all).
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
if [[ $# -lt 2 ]]; then
  sed -n '2,5s/^# //p' "$0" >&2
  exit 2
fi
model=$1 dir=$2 calibration=${3:-random} text=${4:-$here/data/aesop.txt}
fptq=${FPTQ:-$here/build/fptq} tokens=${TOKENS:-2048} seqlen=${SEQLEN:-512}
mkdir -p "$dir"

# FILE COMMAND...: FILE is what COMMAND prints, or is not there.
keep() {
  local file=$1
  shift
  [[ -f $file ]] && return 0
  "$@" >"$file.partial"
  mv "$file.partial" "$file"
}

bench() {  # MODEL FILE
  keep "$2" "$fptq" bench "$1" --prompt 128 --gen 32 --repeats 2 ${THREADS:+--threads "$THREADS"} --json
}

# NAME OPTIONS...: a run
quantized=()
run() {
  local name=$1 data=()
  shift
  [[ $name == rtn* || $name == nf4* ]] || data=(--calib "$calibration" --seqlen "$seqlen")
  echo "== $name" >&2
  [[ -d $dir/$name ]] || "$fptq" quantize "$model" "$dir/$name" "${data[@]}" --eval-text "$text" --quiet "$@" >/dev/null
  keep "$dir/$name.eval.json" "$fptq" eval "$dir/$name" --text "$text" --max-tokens "$tokens" \
    --reference "$model" --json
  bench "$dir/$name" "$dir/$name.bench.json"
  quantized+=("$dir/$name" "$dir/$name.eval.json" "$dir/$name.bench.json")
}

bench "$model" "$dir/original.bench.json"
run rtn-w4a8 --method rtn --asym --group-size 64
run static-w8a8 --method static --scheme w8a8-static
run smoothquant-w8a8 --method smoothquant --scheme w8a8
run fptq-w4a8 --method fptq --group-size 64
run gptq-w4a8 --method gptq --asym --group-size 64
run awq-w4a8 --method awq --asym --group-size 64
run auto-w4a8 --method auto --preset fast --asym --group-size 64
run nf4-w4a16 --method rtn --scheme nf4
run rtn-fp8 --method rtn --scheme fp8
echo "== sensitivity" >&2
keep "$dir/sensitivity.json" "$fptq" sensitivity "$model" --method auto --preset fast --asym --group-size 64 \
  --calib "$calibration" --seqlen "$seqlen" --text "$text" --max-tokens 256 --json
"$fptq" report "$dir/original.bench.json" "${quantized[@]}" "$dir/sensitivity.json" -o "$dir/report.html" \
  -o "$dir/report.json" -o "$dir/report.csv" -o "$dir/report.md"
