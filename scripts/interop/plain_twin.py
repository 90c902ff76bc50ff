"""The same model with its codes unpacked, for the judge.

transformers 5.23 prepares packed zero points with the shape of unpacked ones and then refuses the file, also those that
compressed-tensors itself wrote. Stored as plain int8 the same codes give the same logits (docs/formats-verified.md §3)."""

import json
import pathlib

import torch
from compressed_tensors.compressors.pack_quantized.helpers import unpack_from_int32
from safetensors.torch import load_file, save_file


def _groups(path):
    config = json.loads(pathlib.Path(path, "config.json").read_text())
    return config, config.get("quantization_config", {}).get("config_groups", {}).values()


def needed(path):
    """Some group is packed and asymmetric."""
    _, groups = _groups(path)
    return any(
        g.get("format") == "pack-quantized" and not g["weights"].get("symmetric", True) for g in groups if isinstance(g, dict)
    )


def write(path, target):
    config, groups = _groups(path)
    bits = {g["weights"]["num_bits"] for g in groups}
    if len(bits) != 1:
        raise SystemExit(f"{path}: groups of different bit widths cannot be unpacked here")
    bits = bits.pop()
    for group in groups:
        group["format"] = "int-quantized"
    config["quantization_config"]["format"] = "int-quantized"
    pathlib.Path(target, "config.json").write_text(json.dumps(config))

    tensors = load_file(pathlib.Path(path, "model.safetensors"))
    out = {}
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        if kind == "weight_packed":
            shape = torch.Size(tensors[f"{module}.weight_shape"].tolist())
            out[f"{module}.weight"] = unpack_from_int32(tensor, bits, shape)
        elif kind == "weight_zero_point" and tensor.dtype == torch.int32:
            scale = tensors[f"{module}.weight_scale"]
            out[name] = unpack_from_int32(tensor, bits, scale.shape, packed_dim=0).contiguous()
        elif kind != "weight_shape":
            out[name] = tensor
    save_file(out, pathlib.Path(target, "model.safetensors"), metadata={"format": "pt"})
