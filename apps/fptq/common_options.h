// Options that several commands share, with one spelling and one meaning.
#pragma once

#include "command_line.h"
#include "progress_line.h"

namespace fptq::app {

constexpr int64_t kMaxTokens = int64_t{1} << 40;

void add_threads(CommandLine& line, int& threads);
void add_json(CommandLine& line, bool& json);
void add_kv(CommandLine& line, std::string& kv);

// -q and -v.
struct VerbosityFlags {
  bool quiet = false;
  bool verbose = false;
  Verbosity verbosity() const {
    return quiet ? Verbosity::kQuiet : verbose ? Verbosity::kVerbose : Verbosity::kNormal;
  }
};
void add_verbosity(CommandLine& line, VerbosityFlags& flags);
// To call after parse().
void check_verbosity(const CommandLine& line);

// `word` as a shell would need it typed.
std::string shell_quoted(const std::string& word);

}  // namespace fptq::app
