#include "common_options.h"

#include "fptq/kv_cache.h"

namespace fptq::app {

void add_threads(CommandLine& line, int& threads) {
  line.integer("-t,--threads", threads, 1, 1024, "threads; without it, all cores");
}

void add_json(CommandLine& line, bool& json) {
  line.flag("--json", json, "print one JSON object");
}

void add_kv(CommandLine& line, std::string& kv) {
  std::vector<std::string> names = kv_names();
  names.insert(names.begin(), "auto");
  line.choice("--kv", kv, names, "KV cache; auto: as the model says");
}

void add_verbosity(CommandLine& line, VerbosityFlags& flags) {
  line.flag("-q,--quiet", flags.quiet, "only errors on stderr");
  line.flag("-v,--verbose", flags.verbose, "every step on stderr");
}

void check_verbosity(const CommandLine& line) {
  line.exclude("--quiet", "--verbose", "one asks for less, one for more");
}

std::string shell_quoted(const std::string& word) {
  constexpr const char* kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace fptq::app
