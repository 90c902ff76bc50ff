#include "fptq/generate.h"

#include "api/engine.h"
#include "api/kv_names.h"
#include "runtime/session.h"

namespace fptq {

GenerateResult generate(const std::string& model, const std::string& prompt, const GenerateOptions& options,
                        const std::function<bool(const std::string&)>& on_text) {
  SessionOptions session;
  session.sampling = {options.temperature,        options.top_k, options.top_p, options.min_p,
                      options.repetition_penalty, options.seed};
  session.sampling.validate();  // before a model is loaded for nothing
  session.max_new_tokens = options.max_new_tokens;
  session.stop = options.stop;
  session.ignore_eos = options.ignore_eos;

  const auto pool = make_pool(options.threads);
  Engine engine(model, *pool);
  session.kv = kv_type(options.kv, engine.checkpoint);
  const std::vector<int32_t> ids = prompt_ids(engine.checkpoint, prompt, options.chat, options.system);
  const SessionResult run = Session(*engine.model, engine.checkpoint.tokenizer, session).run(ids, on_text);

  GenerateResult result;
  result.text = run.text;
  result.prompt_tokens = std::ssize(ids);
  result.new_tokens = std::ssize(run.ids);
  result.finish_reason = run.stopped ? "stop" : "length";
  result.load_seconds = engine.load_seconds;
  result.prefill_seconds = run.prefill_seconds;
  result.decode_seconds = run.decode_seconds;
  result.peak_rss_bytes = peak_rss_bytes();
  return result;
}

}  // namespace fptq
