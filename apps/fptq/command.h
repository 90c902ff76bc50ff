// What the command line can do: one file and one row of the table for each subcommand.
#pragma once

#include <string>
#include <vector>

namespace fptq::app {

using Arguments = std::vector<std::string>;

struct Command {
  const char* name;
  const char* summary;
  bool hidden;                        // works, but --help does not list it
  int (*run)(const Arguments& args);  // args behind the name; returns the exit code
};

int run_bench(const Arguments& args);
int run_compare(const Arguments& args);
int run_doctor(const Arguments& args);
int run_eval(const Arguments& args);
int run_generate(const Arguments& args);
int run_inspect(const Arguments& args);
int run_logits(const Arguments& args);
int run_pack(const Arguments& args);
int run_quantize(const Arguments& args);
int run_report(const Arguments& args);
int run_sensitivity(const Arguments& args);
int run_study(const Arguments& args);
int run_synth(const Arguments& args);
int run_tokenize(const Arguments& args);
int run_verify(const Arguments& args);

// Finds the command that `args` name and runs it; handles --help, --version and unknown names.
int dispatch(const Arguments& args);

}  // namespace fptq::app
