// What a model can be quantized with, as every command that quantizes spells it.
#pragma once

#include "command_line.h"
#include "fptq/quantize.h"

namespace fptq::app {

struct QuantizeFlags {
  QuantizeOptions options;  // at the call of add_quantize_options(): the defaults
  std::string recipe;       // a file
  bool symmetric = false, asymmetric = false;
};

// All of the options but the method, which some commands take in another way.
void add_quantize_options(CommandLine& line, QuantizeFlags& flags);
// To call after parse(): checks combinations, and brings `flags.options` up to the flags and the recipe. What
// the line says goes before the recipe's defaults, its rules before both. Throws as read_recipe() does.
void check_quantize_options(const CommandLine& line, QuantizeFlags& flags);

}  // namespace fptq::app
