"""Writes a GGUF file of a shape with random F16 weights: for timing, the values of weights do not matter."""

import gguf
import numpy as np


def write(shape, path):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"random {shape.name}")
    writer.add_context_length(8192)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.ffn)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.head_size)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_vocab_size(shape.vocab)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    _add_tokenizer(writer, shape.vocab)

    names = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output",
             "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
    tensors = [("token_embd.weight", (shape.vocab, shape.hidden)), ("output_norm.weight", (shape.hidden,))]
    for layer in range(shape.layers):
        tensors += [(f"blk.{layer}.{norm}.weight", (shape.hidden,)) for norm in ("attn_norm", "ffn_norm")]
        tensors += [(f"blk.{layer}.{names[name]}.weight", (outputs, inputs))
                    for name, inputs, outputs in shape.linear_layers()]

    # The index first, then one tensor after the other: the model is never in memory as a whole.
    types = {2: np.dtype(np.float16), 1: np.dtype(np.float32)}
    for name, dims in tensors:
        dtype = types[len(dims)]
        writer.add_tensor_info(name, dims, dtype, int(np.prod(dims)) * dtype.itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    random = np.random.default_rng(1)
    for _, dims in tensors:
        if len(dims) == 1:
            writer.write_tensor_data(np.ones(dims, np.float32))
        else:
            values = random.standard_normal(dims, np.float32) / np.float32(np.sqrt(dims[1]))
            writer.write_tensor_data(values.astype(np.float16))
    writer.close()


def _add_tokenizer(writer, vocab):
    """Readers insist on a tokenizer. Nothing is tokenized here: the 256 byte tokens of a byte-level BPE, one merge, and
    filler up to the vocabulary's size will do."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    tokens = [chr(code) for code in printable] + [chr(0x100 + i) for i in range(256 - len(printable))] + ["!!"]
    tokens += [f"filler{i}" for i in range(vocab - len(tokens) - 2)] + ["<s>", "</s>"]
    types = [gguf.TokenType.NORMAL] * (vocab - 2) + [gguf.TokenType.CONTROL] * 2
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types([int(type_) for type_ in types])
    writer.add_token_merges(["! !"])
    writer.add_bos_token_id(vocab - 2)
    writer.add_eos_token_id(vocab - 1)
    writer.add_pad_token_id(vocab - 1)
