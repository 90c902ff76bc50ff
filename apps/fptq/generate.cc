#include "fptq/generate.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "common_options.h"
#include "console.h"
#include "fptq/report.h"
#include "signals.h"

namespace fptq::app {
namespace {

struct GenerateArguments {
  std::string model, prompt;
  GenerateOptions options;
  bool json = false;
  VerbosityFlags verbosity;
};

void declare(CommandLine& line, GenerateArguments& a) {
  GenerateOptions& o = a.options;
  line.positional("MODEL", a.model, "Hugging Face directory or GGUF file");
  line.positional("PROMPT", a.prompt, "text to continue; -: read it from stdin");
  line.integer("-n,--n-predict", o.max_new_tokens, 1, kMaxTokens, "new tokens at most");
  line.number("--temp,--temperature", o.temperature, 0, 1000, "0: always the likeliest token");
  line.integer("--top-k", o.top_k, 0, 1 << 30, "only the K likeliest tokens; 0: off");
  line.number("--top-p", o.top_p, 0, 1, "only the likeliest that sum up to P; 1: off");
  line.number("--min-p", o.min_p, 0, 1, "only those P times as likely as the likeliest; 0: off");
  line.number("--repeat-penalty", o.repetition_penalty, 0.01, 100, "against tokens that were seen; 1: off");
  line.seed("--seed", o.seed, "of sampling");
  line.texts("--stop", "TEXT", o.stop, "end before this text (may be repeated)");
  line.flag("--chat", a.options.chat, "wrap the prompt in the model's chat format");
  line.text("--system", "TEXT", o.system, "system message, with --chat");
  line.flag("--ignore-eos", o.ignore_eos, "go on past the end token");
  add_kv(line, o.kv);
  add_json(line, a.json);
  add_threads(line, o.threads);
  add_verbosity(line, a.verbosity);
}

double per_second(int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

}  // namespace

int run_generate(const Arguments& args) {
  GenerateArguments a;
  CommandLine line("generate", "fptq generate ./out \"What is the capital of France?\" --chat",
                   "Continues or answers a prompt; the text goes to stdout as it comes.");
  declare(line, a);
  if (!line.parse(args)) return 0;
  check_verbosity(line);
  line.require("--system", "--chat", "a plain prompt has no system message");
  if (a.prompt == "-") a.prompt.assign(std::istreambuf_iterator<char>(std::cin), {});

  install_signal_handlers();
  const GenerateResult result = generate(a.model, a.prompt, a.options, [&](const std::string& piece) {
    if (!a.json) {
      print(piece);
      flush_results();
    }
    return pending_signal() == 0;
  });
  print(a.json ? to_json(result) : "\n");
  throw_if_interrupted();
  if (a.verbosity.verbose) {
    log(fmt::format(
        "loaded in {:.2f} s; {} prompt tokens at {:.1f} tokens/s; {} new tokens at {:.1f} tokens/s ({})",
        result.load_seconds, result.prompt_tokens, per_second(result.prompt_tokens, result.prefill_seconds),
        result.new_tokens, per_second(result.new_tokens, result.decode_seconds), result.finish_reason));
  }
  return 0;
}

}  // namespace fptq::app
