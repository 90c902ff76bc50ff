"""onnxruntime on the linear layers of a shape (linear_graph.py): tokens/s of prefill or decode, as JSON."""

import measure
import numpy as np
import onnxruntime


def main():
    options = measure.parser(__doc__).parse_args()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(options.model, settings, providers=["CPUExecutionProvider"])
    width = session.get_inputs()[0].shape[1]
    tokens = options.prompt if options.work == "prefill" else 1
    steps = 1 if options.work == "prefill" else options.gen
    x = np.random.default_rng(1).standard_normal((tokens, width), np.float32)

    def work():
        for _ in range(steps):
            session.run(None, {"x": x})

    measure.answer(measure.tokens_per_s(options.repeats, tokens * steps, work), "onnxruntime")


main()
