"""What a table of speeds must say of the machine."""

import os
import pathlib
import platform

TELLING_FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16", "asimddp", "i8mm", "sve")
# What holds an engine to less than the machine can do.
LIMITS = ("FPTQ_ISA", "ONEDNN_MAX_CPU_ISA")


def describe():
    fields = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags", fields.get("Features", "")).split()
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    model = fields.get("model name", platform.machine())
    if "cpu family" in fields:
        model += f" (family {fields['cpu family']}, model {fields['model']})"
    return {
        "cpu": model,
        "isa": [flag for flag in TELLING_FLAGS if flag in flags],
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": pages,
        "system": f"{platform.system()} {platform.release()}",
        "environment": {name: os.environ[name] for name in LIMITS if name in os.environ},
    }


def load():
    """Runnable processes over the last minute. What exceeds the threads measured is somebody else's work: engines that
    spin at their barriers then lose far more than their share."""
    return os.getloadavg()[0]
