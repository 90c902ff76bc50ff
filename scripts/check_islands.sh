#!/bin/sh
# Fails when an object of an ISA file (*_avx2.cc, *_avx512vnni.cc, *_amxint8.cc) defines a weak symbol. The linker keeps one copy
# of an inline function for the whole program: were that the copy compiled for AVX-512, the program would die on
# machines without it. Run it on a Debug build: -O2 may hide by inlining what another compiler would not inline.
#
#   scripts/check_islands.sh BUILD_DIR
set -eu

build=${1:?usage: check_islands.sh BUILD_DIR}
objects=$(find "$build" \( -name '*_avx2.cc.o' -o -name '*_avx512vnni.cc.o' -o -name '*_amxint8.cc.o' \) | sort)
if [ -z "$objects" ]; then
  echo "check_islands: no ISA objects under $build: build it first" >&2
  exit 1
fi

count=0
status=0
for object in $objects; do
  count=$((count + 1))
  # W, V, w, v: weak; u: unique global, as for the statics of inline functions. Undefined weak ones are harmless,
  # but an island has no reason for them either.
  weak=$(nm -C "$object" | awk '$(NF > 2 && $1 ~ /^[0-9a-f]+$/ ? 2 : 1) ~ /^[WwVvu]$/' || true)
  if [ -n "$weak" ]; then
    echo "$object:" >&2
    echo "$weak" | head -20 >&2
    status=1
  fi
done
[ "$status" -eq 0 ] && echo "check_islands: $count ISA objects, no weak symbols"
exit "$status"
