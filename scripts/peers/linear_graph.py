"""An ONNX model of nothing but the linear layers of a shape, with 4-bit weights (MatMulNBits): what onnxruntime and
OpenVINO can be measured on without an exported model. Norms, attention, rotary embedding, SiLU and the embedding are left
out, so the time is a lower bound of what these engines need for a whole model. Only an addition joins gate and up, where
a model has SiLU(gate) * up, and only the last token reaches the head, as when a prompt is read."""

import numpy as np
import onnx
from onnx import TensorProto, helper

INT8_COMPUTE = 4  # accuracy_level: activations are quantized to int8
# Pairs of codes, zero point 8, without the code 0: weights of mean zero, or activations would grow from layer to layer until
# they overflow.
CODE_PAIRS = np.array([low | high << 4 for low in range(1, 16) for high in range(1, 16)], np.uint8)


def write(shape, group, path):
    """Input "x": float32 [tokens, hidden]; outputs: the logits and, so that they are computed, every key and value."""
    random = np.random.default_rng(1)
    nodes, weights, outputs = [], [], []

    def initializer(name, array):
        # Raw bytes: far faster than helper.make_tensor's list of values.
        tensor = TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
        tensor.raw_data = array.tobytes()
        weights.append(tensor)
        return name

    def linear(source, name, inputs, width):
        groups = -(-inputs // group)
        pairs = random.integers(0, len(CODE_PAIRS), (width, groups, group // 2), np.uint8)
        codes = initializer(f"{name}.codes", CODE_PAIRS[pairs])
        # Uniform in -7..7, deviation 4.3: these scales keep activations about as large as they were.
        scale = np.float32(1 / (4.3 * np.sqrt(inputs)))
        scales = initializer(f"{name}.scales", np.full(width * groups, scale, np.float32))
        nodes.append(helper.make_node("MatMulNBits", [source, codes, scales], [name], name=name, domain="com.microsoft",
                                      K=inputs, N=width, bits=4, block_size=group, accuracy_level=INT8_COMPUTE))
        return name

    hidden = "x"
    for layer in range(shape.layers):
        # The source of each matrix, by the matrix before it.
        sources = {"q": hidden, "k": hidden, "v": hidden}
        for name, inputs, width in shape.linear_layers():
            result = linear(sources[name], f"{layer}.{name}", inputs, width)
            if name == "q":
                sources["o"] = result
            elif name in ("k", "v"):
                outputs.append((result, width))
            elif name == "o":
                sources["gate"] = sources["up"] = result
            elif name == "up":
                sources["down"] = f"{layer}.joined"
                nodes.append(helper.make_node("Add", [f"{layer}.gate", result], [sources["down"]]))
        hidden = f"{layer}.down"

    last = initializer("last", np.array([-1], np.int64))
    nodes.append(helper.make_node("Gather", [hidden, last], ["last_token"], axis=0))
    outputs.append((linear("last_token", "logits", shape.hidden, shape.vocab), shape.vocab))

    graph = helper.make_graph(
        nodes, f"linear layers of {shape.name}",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["tokens", shape.hidden])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width]) for name, width in outputs],
        weights)
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21),
                                                                  helper.make_opsetid("com.microsoft", 1)])
    # Weights beside the model: protobuf ends at 2 GB, and a file of its own can be mapped.
    onnx.save(model, path, save_as_external_data=True, location=f"{path.name}.weights")
