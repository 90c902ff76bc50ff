"""Makes the tiny random models of this folder and the logits that transformers gives for them (float32).

    python generate.py        needs torch and transformers; the files are committed, so only a new family needs it
"""
import json
import shutil
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM
from transformers import Qwen2Config, Qwen2ForCausalLM

HERE = Path(__file__).resolve().parent
BASE = dict(vocab_size=105, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=256, bos_token_id=1, eos_token_id=2)
LLAMA3 = dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)
YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=64)
MODELS = {
    "llama3-rope": lambda: LlamaForCausalLM(LlamaConfig(**BASE, rope_parameters=LLAMA3)),
    "yarn-rope": lambda: LlamaForCausalLM(LlamaConfig(**BASE, rope_parameters=YARN)),
    "linear-rope": lambda: LlamaForCausalLM(
        LlamaConfig(**BASE, rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=2.0))),
    "head-dim-biases-tied": lambda: LlamaForCausalLM(
        LlamaConfig(**BASE, head_dim=16, attention_bias=True, mlp_bias=True, tie_word_embeddings=True)),
    "mistral-window": lambda: MistralForCausalLM(MistralConfig(**BASE, sliding_window=24)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**BASE, tie_word_embeddings=True)),
    "qwen2-window": lambda: Qwen2ForCausalLM(
        Qwen2Config(**BASE, use_sliding_window=True, sliding_window=20, max_window_layers=1)),
}


def main():
    torch.manual_seed(1)
    ids = torch.randint(3, 105, (1, 90))
    for name, make in MODELS.items():
        folder = HERE / name
        model = make()
        with torch.no_grad():
            for p in model.parameters():
                noise = torch.randn_like(p)
                p.copy_(1 + 0.1 * noise if p.shape == (32,) and p.dim() == 1 else 0.2 * noise)
        model.to(torch.float16).save_pretrained(folder)
        (folder / "generation_config.json").unlink()
        shutil.copy(HERE.parents[2] / "../shared/models/babyllama105/tokenizer.json", folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        with torch.no_grad():
            logits = model(ids).logits[0]
        golden = {"ids": ids[0].tolist(), "positions": {t: logits[t].tolist() for t in (0, 30, 60, 89)}}
        (folder / "logits.json").write_text(json.dumps(golden))


if __name__ == "__main__":
    main()
