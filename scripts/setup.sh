#!/usr/bin/env bash
# Installs what building, testing and the demo need (Debian 12 packages), where it is missing.
#   scripts/setup.sh [--dev]     --dev adds what only contributors need (clang-format)
set -euo pipefail

packages=(
  g++ cmake ninja-build pkg-config git
  libfmt-dev nlohmann-json3-dev libcli11-dev libpcre2-dev libutf8proc-dev libxxhash-dev libdnnl-dev
  libyaml-cpp-dev libgtest-dev libgmock-dev
)
[[ "${1:-}" == --dev ]] && packages+=(clang-format-14)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [[ "$status" == "install ok installed" ]] || missing+=("$package")
done
# Any Python 3 with pip will do for downloading the demo model and for the checks.
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3 python3-pip)

if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  as_root=(sudo)
  # Without a terminal nobody could type a password.
  if ! command -v sudo >/dev/null || { ! sudo -n true 2>/dev/null && [[ ! -t 0 ]]; }; then
    echo "setup: these packages are missing and this user may not install them; ask an administrator for" >&2
    echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  sudo -v
fi
if ! command -v apt-get >/dev/null; then
  echo "setup: no apt-get here; install what these Debian packages hold, then go on: ${missing[*]}" >&2
  exit 1
fi

echo "setup: installing ${missing[*]}"
# `env` because sudo drops the variable; output only when something goes wrong.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update &&
       "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
  cat "$log" >&2
  echo "setup: apt-get could not install ${missing[*]}" >&2
  exit 1
fi
