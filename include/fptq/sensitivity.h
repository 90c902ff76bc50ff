// How much each linear layer costs: the divergence of the model from itself when only that layer is
// quantized.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fptq/progress.h"
#include "fptq/quantize.h"

namespace fptq {

struct SensitivityOptions {
  QuantizeOptions quantize;  // how; evaluation, output and command are not looked at
  std::string text;          // held-out text, a file; empty: the English text that comes with the program
  int64_t ctx = 0;           // tokens of a window; 0: 512, or the model's maximum or the text where less
  int64_t max_tokens = 512;  // of the text; 0: all
  int threads = 0;
};

struct LayerSensitivity {
  std::string module;
  int64_t weights = 0;
  double bits_per_weight = 0;  // that it was quantized to, scales and zero points counted
  double kl = 0;               // mean KL(original || original with this layer quantized), nats
};

struct SensitivityResult {
  std::string model, text, method, scheme;
  int64_t ctx = 0, tokens = 0;
  std::vector<LayerSensitivity> layers;  // in the order of computation; without those that are ignored
  double seconds = 0;
};

// Every layer is quantized alone, from the statistics of the unquantized model and with the activations that
// the method gives its input; what follows it runs as it was. Tuning and learned rounding, which work on more
// than one layer, are left out. The time is about layers / 2 passes of the text for each layer. Holds the
// whole model, and a float for every token of the text and entry of the vocabulary. Throws as quantize().
SensitivityResult measure_sensitivity(const std::string& model, const SensitivityOptions& options,
                                      Progress& progress = no_progress());

}  // namespace fptq
