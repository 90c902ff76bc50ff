"""Writes ggml_blocks.bin beside itself: for every block type, in the order of TYPES, random blocks as bytes
and then the floats that PyPI's gguf package (0.19.0) makes of them. Read by ggml_blocks_test.cc.

    pip install gguf numpy && python make_ggml_blocks.py
"""

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

# type, byte offsets of its binary16 fields
TYPES = [
    (T.Q4_0, [0]), (T.Q4_1, [0, 2]), (T.Q5_0, [0]), (T.Q5_1, [0, 2]),
    (T.Q8_0, [0]), (T.Q4_K, [0, 2]), (T.Q5_K, [0, 2]), (T.Q6_K, [208]),
]
BLOCKS_OF_32, BLOCKS_OF_256 = 8, 3

rng = np.random.default_rng(20261121)
out = bytearray()
for qtype, halves in TYPES:
    elements, size = GGML_QUANT_SIZES[qtype]
    count = BLOCKS_OF_32 if elements == 32 else BLOCKS_OF_256
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in halves:
        scales = rng.integers(0, 0x7C00, count, dtype=np.uint16)  # every finite positive half
        scales[0] &= 0x03FF  # one of them subnormal
        scales |= rng.integers(0, 2, count, dtype=np.uint16) << np.uint16(15)
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(count, 2)
    floats = dequantize(blocks, qtype)
    assert floats.shape == (count, elements) and np.isfinite(floats).all()
    out += blocks.tobytes() + floats.astype("<f4").tobytes()
Path(__file__).with_name("ggml_blocks.bin").write_bytes(out)
