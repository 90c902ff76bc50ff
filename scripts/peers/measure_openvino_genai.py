"""A whole model in OpenVINO GenAI, from its GGUF file: tokens/s of prefill (up to the first token) or decode, as JSON."""

import measure
import numpy as np
import openvino
import openvino_genai

FIRST_TOKEN = 1000  # which token is read does not matter for time


def main():
    options = measure.parser(__doc__).parse_args()
    pipeline = openvino_genai.LLMPipeline(options.model, "CPU", INFERENCE_NUM_THREADS=options.threads,
                                          PERFORMANCE_HINT="LATENCY")
    mask = openvino.Tensor(np.ones((1, options.prompt), np.int64))
    settings = openvino_genai.GenerationConfig(max_new_tokens=max(options.gen, 1) + 1, ignore_eos=True, do_sample=False)

    speeds = []
    for repeat in range(options.repeats + 1):
        # Another prompt each time: the pipeline remembers what it has read, and would not read it again.
        ids = openvino.Tensor(np.full((1, options.prompt), FIRST_TOKEN + repeat, np.int64))
        metrics = pipeline.generate(openvino_genai.TokenizedInputs(ids, mask), settings).perf_metrics
        if repeat > 0:  # the first warms up
            # Milliseconds to the first token; then, for every further token.
            speeds.append(1e3 * options.prompt / metrics.get_ttft().mean if options.work == "prefill" else
                          1e3 / metrics.get_tpot().mean)
    measure.answer(sum(speeds) / len(speeds), "openvino-genai")


main()
