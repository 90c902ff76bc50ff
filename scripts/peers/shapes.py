"""The models that are measured: their shapes, and the linear layers that follow from them."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Shape:
    """A Llama-family decoder with a tied output head. Sizes are in channels, unless the name says otherwise."""

    name: str
    hidden: int
    ffn: int
    layers: int
    heads: int
    kv_heads: int
    vocab: int
    rope_base: float
    group: int  # inputs that share a scale in fptq's weights

    @property
    def head_size(self):
        return self.hidden // self.heads

    @property
    def kv(self):
        return self.kv_heads * self.head_size

    def linear_layers(self):
        """(name, inputs, outputs) of the matrices of one block, in the order in which they run."""
        return (
            ("q", self.hidden, self.hidden),
            ("k", self.hidden, self.kv),
            ("v", self.hidden, self.kv),
            ("o", self.hidden, self.hidden),
            ("gate", self.hidden, self.ffn),
            ("up", self.hidden, self.ffn),
            ("down", self.ffn, self.hidden),
        )


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("smollm2-135m", 576, 1536, 30, 9, 3, 49152, 100000.0, group=64),
        Shape("llama-3.2-1b", 2048, 8192, 16, 32, 8, 128256, 500000.0, group=128),
    )
}
