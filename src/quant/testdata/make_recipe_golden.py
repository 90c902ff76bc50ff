"""recipe_targets.json: which config group compressed-tensors gives to each layer of a model of three blocks.

    python make_recipe_golden.py    (compressed-tensors 0.20.0, torch 2.15)

Each group has a number of bits of its own; 0 is a layer that is not quantized. Names, expressions, classes and `ignore`
mean the same in fptq's recipes. Where several expressions match a layer, compressed-tensors takes the alphabetically
first and fptq the later rule; no case here has that.
"""

import json
import pathlib

import torch
from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config

LINEARS = {"self_attn": ["q_proj", "k_proj", "v_proj", "o_proj"], "mlp": ["gate_proj", "up_proj", "down_proj"]}
LAYERS = 3
CASES = [
    ([["Linear"]], ["lm_head"]),
    ([["Linear"], ["re:.*down_proj$"]], ["lm_head"]),
    ([["re:.*down_proj$"], ["Linear"]], ["lm_head"]),
    ([["model.layers.1.mlp.down_proj"], ["re:.*mlp.*"], ["Linear"]], ["lm_head", "re:.*layers\\.2.*"]),
    ([["Linear"], ["re:model\\.layers\\.(0|2)\\..*"], ["model.layers.0.self_attn.q_proj"]], ["lm_head"]),
    ([["re:model\\.layers\\.1"], ["Linear"]], ["lm_head", "model.layers.0.self_attn.o_proj"]),
    ([["re:.*(q|k|v)_proj", "re:.*o_proj$"], ["model.layers.2.mlp.up_proj", "model.layers.2.mlp.gate_proj"]], []),
    ([["Linear"], ["re:.*up_proj"]], ["Linear"]),
]
BITS = [4, 8, 3]


def skeleton():
    model = torch.nn.Module()
    model.model = torch.nn.Module()
    model.model.layers = torch.nn.ModuleList()
    for _ in range(LAYERS):
        block = torch.nn.Module()
        for parent, names in LINEARS.items():
            module = torch.nn.Module()
            for name in names:
                module.add_module(name, torch.nn.Linear(8, 8, bias=False))
            block.add_module(parent, module)
        model.model.layers.append(block)
    model.lm_head = torch.nn.Linear(8, 8, bias=False)
    return model


def bits_of(groups, ignore):
    model = skeleton()
    config = QuantizationConfig(
        config_groups={
            f"group_{i}": {
                "targets": targets,
                "weights": {"num_bits": BITS[i], "type": "int", "symmetric": True, "strategy": "channel"},
            }
            for i, targets in enumerate(groups)
        },
        ignore=ignore,
    )
    apply_quantization_config(model, config)
    return {
        name: module.quantization_scheme.weights.num_bits if hasattr(module, "quantization_scheme") else 0
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name != "lm_head"
    }


cases = [{"groups": g, "ignore": i, "bits": bits_of(g, i)} for g, i in CASES]
path = pathlib.Path(__file__).parent / "recipe_targets.json"
path.write_text(json.dumps({"group_bits": BITS, "cases": cases}, separators=(",", ":")) + "\n")
