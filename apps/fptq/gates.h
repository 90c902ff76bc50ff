// Quality gates: limits that make a command exit with the code of ErrorKind::kGate, for scripts and CI.
// Results are printed and written all the same.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command_line.h"

namespace fptq::app {

struct Gates {
  std::optional<double> max_kl;             // mean, nats
  std::string max_ppl_increase;             // as it was typed: "1%" or "0.01"
  std::optional<double> ppl_increase = {};  // as a share; of check_gates()
};

// What one model is held to.
struct GatedModel {
  std::string name;  // for the message
  double kl = 0, perplexity = 0, reference_perplexity = 0;
};

// --max-kl and --max-ppl-increase.
void add_gates(CommandLine& line, Gates& gates);
// To call after parse(): reads the percentage. `needs`, if not empty, is the option without which there is
// nothing to hold the gates to.
void check_gates(const CommandLine& line, Gates& gates, const std::string& needs = {});
// Throws Error(kGate) with one line that says for each model which limit it misses and by how much, after
// flush_results(). Results must have been printed. What is not a number fails.
void hold_to_gates(const Gates& gates, const std::vector<GatedModel>& models);

}  // namespace fptq::app
