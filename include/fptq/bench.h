// Speed and memory of a model on this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fptq/machine.h"
#include "fptq/progress.h"

namespace fptq {

struct BenchOptions {
  // Every combination is measured.
  std::vector<int> threads;      // empty: all usable cores
  std::vector<int> batch = {1};  // sequences at a time
  std::vector<std::string> kv;   // of kv_names(); empty: as the model says
  int64_t prompt = 512;          // tokens of each sequence's prompt
  int64_t gen = 128;             // tokens generated behind it for each sequence
  int repeats = 3;
};

struct Measured {
  double mean = 0;
  double deviation = 0;  // standard deviation of the repeats; 0 of a single one
};

struct BenchRun {
  int threads = 0, batch = 0;
  std::string kv;
  int64_t prompt = 0, gen = 0;
  Measured prefill_tokens_per_s;  // prompt tokens of the whole batch, output head left out
  Measured decode_tokens_per_s;   // generated tokens of the whole batch, behind the prompt
  Measured first_token_s;         // from the prompt to the first token of every sequence
  double load_s = 0;              // opening and packing, with these threads; whether from disk or from the
                                  // system's file cache is left to the caller
  uint64_t peak_rss_bytes = 0;    // of loading and this run, mapped pages of the model included
  // Of the processor packages, as RAPL counts it; of everything that ran on them. None where that cannot be
  // read.
  std::optional<double> prefill_joules_per_token, decode_joules_per_token;

  // Between two tokens of one sequence.
  double ms_per_token() const {
    return decode_tokens_per_s.mean > 0 ? 1000.0 * batch / decode_tokens_per_s.mean : 0;
  }
};

struct BenchResult {
  std::string model, format;
  uint64_t file_bytes = 0;
  MachineFacts machine;
  int repeats = 0;
  std::vector<BenchRun> runs;  // threads vary slowest, then the batch, then kv
};

// Prompts are random ids of a fixed seed; the likeliest token goes on, past any end token. Prompts pass in
// pieces of up to 512 tokens over all sequences. A short run that is not measured warms up every combination.
// The model is loaded once for every number of threads. Throws Error(kUsage) when prompt and answer exceed
// the model's maximum, and on numbers below 1.
BenchResult bench(const std::string& model, const BenchOptions& options, Progress& progress = no_progress());

}  // namespace fptq
