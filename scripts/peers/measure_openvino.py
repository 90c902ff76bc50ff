"""OpenVINO on the linear layers of a shape (linear_graph.py), weights compressed to 4 bits and activations quantized to
int8 as it runs: tokens/s of prefill or decode, as JSON."""

import measure
import numpy as np
import openvino


def main():
    parser = measure.parser(__doc__)
    parser.add_argument("--group", type=int, required=True, help="inputs that share a scale, of activations too")
    options = parser.parse_args()
    tokens = options.prompt if options.work == "prefill" else 1
    steps = 1 if options.work == "prefill" else options.gen
    core = openvino.Core()
    model = core.read_model(options.model)
    width = model.input(0).partial_shape[1].get_length()
    compiled = core.compile_model(model, "CPU", {
        "INFERENCE_NUM_THREADS": options.threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": options.group,
    })
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(np.random.default_rng(1).standard_normal((tokens, width), np.float32)))

    def work():
        for _ in range(steps):
            request.infer()

    measure.answer(measure.tokens_per_s(options.repeats, tokens * steps, work), "openvino")


main()
