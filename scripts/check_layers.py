#!/usr/bin/env python3
"""Holds every #include "..." to the layers of docs/design.md, as CMakeLists.txt declares them (USES).

  src/MODULE      includes itself, the modules below it and include/fptq; above the backend, of the backend only its
                  interface and of the kernels nothing (tests and src/api, which joins everything, may)
  include/fptq    includes include/fptq
  apps, python    include include/fptq and their own folder

Prints FILE:LINE for every breach and exits with 1 if there is one.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
MODULE = re.compile(r"^fptq_module\((\w+)([^)]*)\)", re.MULTILINE)
BACKEND_INTERFACE = "backend/backend.h"


def read_modules():
    """Module -> the modules it may use, directly or through others."""
    reachable = {}
    for name, rest in MODULE.findall((ROOT / "CMakeLists.txt").read_text()):
        uses = re.search(r"USES\s+([a-z_ ]+)", rest)
        direct = uses.group(1).split() if uses else []
        for used in direct:
            if used not in reachable:
                sys.exit(f"CMakeLists.txt: {name} uses {used}, which is not declared before it")
        reachable[name] = set(direct).union(*(reachable[used] for used in direct))
    return reachable


def includes(folder):
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".h", ".cc", ".inc"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if match := INCLUDE.match(line):
                yield path, number, match.group(1)


def breach_in_module(module, path, included, modules):
    target = included.split("/")[0]
    is_test = path.stem.endswith("_test")
    if target in ("fptq", module):
        return None
    if is_test and (ROOT / "tests" / included).is_file():
        return None
    if target not in modules:
        return "names no module; include by the path below src/"
    if target not in modules[module]:
        return f"{module} does not use {target}"
    above_backend = "backend" in modules[module] and module != "api"
    if above_backend and not is_test:
        if target == "kernels" or (target == "backend" and included != BACKEND_INTERFACE):
            return f"{module} sees of the device only {BACKEND_INTERFACE}"
    return None


def breaches(modules):
    for folder in sorted(p for p in (ROOT / "src").iterdir() if p.is_dir()):
        if folder.name not in modules:
            yield f"src/{folder.name}: no fptq_module() in CMakeLists.txt declares it"
            continue
        for path, number, included in includes(folder):
            if why := breach_in_module(folder.name, path, included, modules):
                yield f'{path.relative_to(ROOT)}:{number}: "{included}": {why}'
    for name in ("include", "apps", "python"):
        for path, number, included in includes(ROOT / name):
            own = (path.parent / included).is_file()
            if not included.startswith("fptq/") and not (own and name != "include"):
                yield f'{path.relative_to(ROOT)}:{number}: "{included}": only include/fptq may be seen from here'


def main():
    found = list(breaches(read_modules()))
    print("\n".join(found) if found else "layers: ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
