// Models of random weights in the shape of real ones: to size a machine before anything is downloaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fptq/progress.h"

namespace fptq {

struct SynthOptions {
  std::string shape;            // one of synth_shape_names()
  int64_t layers = 0;           // 0: as many as the real model has
  std::string scheme = "w4a8";  // "w4a8": what quantize() would write; "bf16": plain
  // w4a8 only:
  int64_t group_size = 128;  // falls back as in quantize()
  bool symmetric = true;
  std::string head = "keep";  // or int8, int4, as in quantize()
  uint64_t seed = 0;
  bool overwrite = false;
  int threads = 0;
};

struct SynthReport {
  std::string shape, scheme, output;
  int64_t layers = 0;
  int64_t parameters = 0;
  int64_t vocab_size = 0;       // of the model
  int64_t tokenizer_vocab = 0;  // of the tokenizer that comes with it
  uint64_t output_bytes = 0;    // all files
  double seconds = 0;
  uint64_t peak_rss_bytes = 0;
};

std::vector<std::string> synth_shape_names();

// Writes the Hugging Face directory `output` with config, a small tokenizer of English, and weights that
// depend on nothing but shape, layers, scheme, groups and seed. Activations stay finite and logits prefer the
// ids that the tokenizer has, so that generated text shows; it means nothing. Appears whole or not at all.
// Memory: about the largest tensor (the embedding). Errors as quantize().
SynthReport synthesize(const std::string& output, const SynthOptions& options,
                       Progress& progress = no_progress());

}  // namespace fptq
