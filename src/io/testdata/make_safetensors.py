"""Writes reference.safetensors beside itself with the reference implementation (PyPI's safetensors 0.8):
one tensor of every type that fptq stores, a scalar and an empty one. Byte i of a tensor's data is i.
Read by safetensors_writer_test.cc.

    pip install numpy safetensors && python make_safetensors.py
"""

from pathlib import Path

import numpy as np
import safetensors

TENSORS = {
    "b.bool": ("bool", [3], 3), "b.u8": ("uint8", [5], 5), "b.i8": ("int8", [2, 2], 4),
    "b.e5m2": ("float8_e5m2", [1], 1), "b.e4m3": ("float8_e4m3fn", [2], 2), "b.i16": ("int16", [1, 3], 6),
    "b.u16": ("uint16", [2], 4), "b.f16": ("float16", [3], 6), "b.bf16": ("bfloat16", [2, 1], 4),
    "b.i32": ("int32", [2], 8), "b.u32": ("uint32", [1], 4), "b.f32": ("float32", [2, 3], 24),
    "a.f32": ("float32", [], 4), "c.f32": ("float32", [0, 4], 0), "b.f64": ("float64", [1], 8),
    "b.i64": ("int64", [2], 16), "b.u64": ("uint64", [1], 8), 'quote"d \u00e9\n': ("uint8", [1], 1),
}

data = {name: np.arange(max(size, 1), dtype=np.uint8) for name, (_, _, size) in TENSORS.items()}
specs = {
    name: safetensors.TensorSpec(dtype=dtype, shape=shape, data_ptr=data[name].ctypes.data, data_len=size)
    for name, (dtype, shape, size) in TENSORS.items()
}
Path(__file__).with_name("reference.safetensors").write_bytes(safetensors.serialize(specs, {"format": "pt"}))
