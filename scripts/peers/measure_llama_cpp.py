"""llama.cpp through llama-cpp-python's C interface, as llama-bench does it: tokens/s of prefill or decode, as JSON."""

import ctypes

import llama_cpp
import measure

TOKEN = 1000  # which token is read does not matter for time


@llama_cpp.llama_log_callback
def _quiet(level, text, user_data):
    del level, text, user_data


def main():
    options = measure.parser(__doc__).parse_args()
    llama_cpp.llama_log_set(_quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    model = llama_cpp.llama_model_load_from_file(options.model.encode(), llama_cpp.llama_model_default_params())
    if not model:
        raise SystemExit(f"measure_llama_cpp: {options.model}: llama.cpp cannot load it")
    settings = llama_cpp.llama_context_default_params()
    settings.n_ctx = options.prompt + options.gen
    settings.n_batch = settings.n_ubatch = options.prompt
    settings.n_threads = settings.n_threads_batch = options.threads
    context = llama_cpp.llama_init_from_model(model, settings)
    memory = llama_cpp.llama_get_memory(context)

    def read(count):
        tokens = (llama_cpp.llama_token * count)(*[TOKEN] * count)
        if llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(tokens, count)) != 0:
            raise SystemExit("measure_llama_cpp: llama_decode failed")
        llama_cpp.llama_synchronize(context)

    def empty():
        llama_cpp.llama_memory_clear(memory, True)

    def prompt():
        read(options.prompt)

    def empty_then_prompt():
        empty()
        prompt()

    def generate():
        for _ in range(options.gen):
            read(1)

    if options.work == "prefill":
        speed = measure.tokens_per_s(options.repeats, options.prompt, prompt, prepare=empty)
    else:
        speed = measure.tokens_per_s(options.repeats, options.gen, generate, prepare=empty_then_prompt)
    measure.answer(speed, "llama_cpp_python")


main()
