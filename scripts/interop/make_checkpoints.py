"""Quantizes a small model with compressed-tensors, and bitsandbytes, in the forms that fptq says it reads.

What llm-compressor does around that library is done here in a few lines: round-to-nearest scales for weights, and the
extremes over a few random sequences for static inputs."""

import pathlib
import shutil

import torch
from compressed_tensors.compressors import ModelCompressor
from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config
from compressed_tensors.quantization.utils import calculate_qparams
from transformers import AutoModelForCausalLM

ATTENTION_AND_UP = ["re:.*self_attn\\.(q_proj|k_proj|v_proj|o_proj)$", "re:.*mlp\\.(gate_proj|up_proj)$"]
DOWN = ["re:.*mlp\\.down_proj$"]
ALL = ATTENTION_AND_UP + DOWN
TOKEN = {"num_bits": 8, "strategy": "token", "dynamic": True}
STATIC = {"num_bits": 8, "strategy": "tensor", "dynamic": False}
FP8_TOKEN, FP8_STATIC = TOKEN | {"type": "float"}, STATIC | {"type": "float"}
FP8_CHANNEL = {"num_bits": 8, "type": "float", "strategy": "channel"}
FP8_TENSOR = {"num_bits": 8, "type": "float", "strategy": "tensor"}


def group_weights(bits, size, symmetric=True):
    return {"num_bits": bits, "strategy": "group", "group_size": size, "symmetric": symmetric}


def channel_weights(bits, symmetric=True):
    return {"num_bits": bits, "strategy": "channel", "symmetric": symmetric}


def one_group(weights, inputs=None, packed=None):
    scheme = {"targets": ALL, "weights": weights, "input_activations": inputs}
    if packed is not None:
        scheme["format"] = "pack-quantized" if packed else "int-quantized"
    return {"group_0": scheme}


def two_groups(weights, packed):
    """The FPTQ form: static inputs but for down_proj."""
    form = "pack-quantized" if packed else "int-quantized"
    return {
        "group_0": {"targets": ATTENTION_AND_UP, "weights": weights, "input_activations": STATIC, "format": form},
        "group_1": {"targets": DOWN, "weights": weights, "input_activations": TOKEN, "format": form},
    }


def forms(size):
    """Name -> config groups; `size` divides the inputs of every layer."""
    return {
        "w4a16-sym": one_group(group_weights(4, size)),
        "w4a16-asym": one_group(group_weights(4, size, symmetric=False)),
        "w4a16-channel": one_group(channel_weights(4)),
        "w4a8-token-packed": one_group(group_weights(4, size), TOKEN, packed=True),
        "w4a8-token-plain": one_group(group_weights(4, size), TOKEN),
        "w4a8-token-asym-packed": one_group(group_weights(4, size, symmetric=False), TOKEN, packed=True),
        "w4a8-token-asym-plain": one_group(group_weights(4, size, symmetric=False), TOKEN, packed=False),
        "w4a8-mixed-packed": two_groups(group_weights(4, size), packed=True),
        "w4a8-mixed-plain": two_groups(group_weights(4, size), packed=False),
        "w8a16": one_group(group_weights(8, size)),
        "w8a8-token": one_group(channel_weights(8), TOKEN),
        "w8a8-static": one_group(channel_weights(8), STATIC),
        "w8a8-static-asym": one_group(channel_weights(8), STATIC | {"symmetric": False}),
        "w8a8-token-asym": one_group(channel_weights(8), TOKEN | {"symmetric": False}),
        "w8a8-tensor": one_group({"num_bits": 8, "strategy": "tensor"}, TOKEN),
        "w4a8-tensor-packed": one_group({"num_bits": 4, "strategy": "tensor"}, TOKEN, packed=True),
        "w4a16-tensor-asym": one_group({"num_bits": 4, "strategy": "tensor", "symmetric": False}),
        "w4a4-static-packed": one_group(group_weights(4, size), STATIC | {"num_bits": 4}, packed=True),
        "w3a16": one_group(group_weights(3, size)),
        "w3a16-asym": one_group(group_weights(3, size, symmetric=False)),
        "w3a8-token-packed": one_group(group_weights(3, size), TOKEN, packed=True),
        "fp8-dynamic": one_group(FP8_CHANNEL, FP8_TOKEN),
        "fp8-static": one_group(FP8_TENSOR, FP8_STATIC),
        "fp8-w8a16": one_group(FP8_CHANNEL),
        "fp8-group": one_group(group_weights(8, size) | {"type": "float"}, FP8_TOKEN),
    }


def input_extremes(model, sequences):
    """Smallest and largest input of every Linear over `sequences`."""
    extremes, hooks = {}, []

    def watch(name):
        def hook(module, inputs):
            low, high = extremes.get(name, (torch.tensor(0.0), torch.tensor(0.0)))
            extremes[name] = (torch.minimum(low, inputs[0].min()), torch.maximum(high, inputs[0].max()))

        return hook

    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear):
            hooks.append(module.register_forward_pre_hook(watch(name)))
    with torch.no_grad():
        for ids in sequences:
            model(ids[None])
    for hook in hooks:
        hook.remove()
    return extremes


def set_weight_parameters(module, args):
    weight = module.weight.data
    groups = weight.unflatten(-1, (-1, args.group_size)) if args.group_size else weight
    if args.strategy == "tensor":
        low, high = weight.min().reshape(1), weight.max().reshape(1)
    else:
        keep = not args.group_size  # one per row is [rows, 1]
        low, high = groups.amin(-1, keepdim=keep), groups.amax(-1, keepdim=keep)
    scale, zero_point = calculate_qparams(low, high, args)
    module.weight_scale.data.copy_(scale)
    if hasattr(module, "weight_zero_point"):
        module.weight_zero_point.data.copy_(zero_point)


def make(source, target, config_groups):
    model = AutoModelForCausalLM.from_pretrained(str(source), dtype=torch.float32).eval()
    torch.manual_seed(1)
    length = min(256, model.config.max_position_embeddings)
    extremes = input_extremes(model, torch.randint(3, model.config.vocab_size, (4, length)))
    config = QuantizationConfig(config_groups=config_groups, ignore=["lm_head"], quantization_status="initialized")
    apply_quantization_config(model, config)
    for name, module in model.named_modules():
        scheme = getattr(module, "quantization_scheme", None)
        if scheme is None:
            continue
        set_weight_parameters(module, scheme.weights)
        if scheme.input_activations is not None and not scheme.input_activations.dynamic:
            # Narrower than the extremes, so that clamping takes part in the test.
            low, high = (0.75 * x.reshape(1) for x in extremes[name])
            scale, zero_point = calculate_qparams(low, high, scheme.input_activations)
            module.input_scale.data.copy_(scale)
            if hasattr(module, "input_zero_point"):
                module.input_zero_point.data.copy_(zero_point)
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(str(target))
    compressor.update_config(str(target))
    shutil.copy(pathlib.Path(source, "tokenizer.json"), target)


def make_nf4(source, target, nested):
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=nested, bnb_4bit_compute_dtype=torch.float32
    )
    model = AutoModelForCausalLM.from_pretrained(str(source), dtype=torch.float32, quantization_config=config)
    model.save_pretrained(str(target))
    shutil.copy(pathlib.Path(source, "tokenizer.json"), target)
