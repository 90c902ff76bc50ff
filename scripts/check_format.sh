#!/usr/bin/env bash
# Fails when a C++ file is not formatted as .clang-format says (clang-format 14, as in Debian 12).
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v clang-format-14 >/dev/null; then
  echo "check_format: clang-format-14 is missing; scripts/setup.sh --dev installs it" >&2
  exit 1
fi
git ls-files -z '*.h' '*.cc' | xargs -0 --no-run-if-empty clang-format-14 --dry-run --Werror
echo "format: ok"
