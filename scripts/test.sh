#!/usr/bin/env bash
# Sets up, builds and runs every test.
#   scripts/test.sh [--sanitize] [ctest options]    --sanitize: under ASan and UBSan, in build-sanitize/
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
build=build
options=(-DCMAKE_BUILD_TYPE=Release -DFPTQ_TESTS=ON)
if [[ "${1:-}" == --sanitize ]]; then
  shift
  build=build-sanitize
  options=(-DCMAKE_BUILD_TYPE=RelWithDebInfo -DFPTQ_TESTS=ON -DFPTQ_SANITIZE=address,undefined)
  export UBSAN_OPTIONS=print_stacktrace=1
fi

cmake -S . -B "$build" -G Ninja "${options[@]}" >/dev/null
cmake --build "$build"
ctest --test-dir "$build" --output-on-failure --no-tests=error "$@"
