#include "api/measure_alone.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "api/engine.h"
#include "api/kv_names.h"
#include "base/json.h"
#include "fptq/error.h"
#include "runtime/session.h"

namespace fptq {
namespace {

Json measure(const std::string& path, const AloneOptions& options) {
  const auto pool = make_pool(options.threads);
  Engine engine(path, *pool);
  Model& model = *engine.model;
  const KvType kv = kv_type("auto", engine.checkpoint);

  std::vector<int32_t> ids = engine.checkpoint.tokenizer->encode(options.text);
  const int64_t prefill = std::min({std::ssize(ids), options.prefill_tokens, model.config().max_position});
  ids.resize(static_cast<size_t>(std::max<int64_t>(prefill, 1)));
  double best = 0;
  for (int repeat = 0; repeat < 3; ++repeat) {
    KvCache cache = model.make_cache(kv);
    const SequenceInput input{ids, &cache};
    const double start = seconds_now();
    model.forward(std::span(&input, 1));
    best = std::max(best, static_cast<double>(ids.size()) / (seconds_now() - start));
  }

  SessionOptions session;
  session.max_new_tokens = options.max_new_tokens;
  session.kv = kv;
  std::vector<int32_t> prompt;
  try {
    prompt = prompt_ids(engine.checkpoint, options.prompt, true, "");
  } catch (const Error&) {
    prompt =
        prompt_ids(engine.checkpoint, options.prompt, false, "");  // no chat format: a plain continuation
  }
  const SessionResult answer = Session(model, engine.checkpoint.tokenizer, session).run(prompt);
  // The speed of decoding does not depend on what is decoded: an early end token must not shorten the
  // measurement.
  session.ignore_eos = true;
  const SessionResult timed = Session(model, engine.checkpoint.tokenizer, session).run(prompt);
  return {{"load_seconds", engine.load_seconds},
          {"prefill", best},
          {"decode", static_cast<double>(timed.ids.size()) / std::max(timed.decode_seconds, 1e-9)},
          {"rss", peak_rss_bytes()},
          {"sample", answer.text}};
}

std::string run_child(const std::string& path, const AloneOptions& options) {
  try {
    return measure(path, options).dump(-1, ' ', false, Json::error_handler_t::replace);
  } catch (const Error& e) {
    return Json{{"kind", static_cast<int>(e.kind())}, {"error", e.what()}}.dump(
        -1, ' ', false, Json::error_handler_t::replace);
  } catch (const std::exception& e) {
    return Json{{"kind", 1}, {"error", e.what()}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(buffer, static_cast<size_t>(n));
  }
}

}  // namespace

AloneResult measure_alone(const std::string& model, const AloneOptions& options) {
  int ends[2];
  if (::pipe(ends) != 0) throw Error(ErrorKind::kFailure, "measure", std::strerror(errno));
  const pid_t child = ::fork();
  if (child < 0) {
    ::close(ends[0]);
    ::close(ends[1]);
    throw Error(ErrorKind::kFailure, "measure",
                fmt::format("cannot start a process: {}", std::strerror(errno)));
  }
  if (child == 0) {
    ::close(ends[0]);
    const std::string text = run_child(model, options);
    for (size_t at = 0; at < text.size();) {
      const ssize_t n = ::write(ends[1], text.data() + at, text.size() - at);
      if (n <= 0) break;
      at += static_cast<size_t>(n);
    }
    ::_exit(0);  // the parent's buffers and exit handlers are not the child's to run
  }
  ::close(ends[1]);
  const std::string text = read_all(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (text.empty())
    throw Error(ErrorKind::kFailure, model, "the measuring process died", "is there enough memory?");
  const Json result = parse_json(text, "measuring process");
  if (json_find(result, "error") != nullptr) {
    const auto kind = static_cast<ErrorKind>(json_int(result, "kind", "measuring process"));
    throw Error(kind, "", json_string(result, "error", "measuring process"));
  }
  return {result["load_seconds"], result["prefill"], result["decode"], result["rss"], result["sample"]};
}

}  // namespace fptq
