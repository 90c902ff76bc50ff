// Quantizing a model: options, plan, report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fptq/eval.h"
#include "fptq/progress.h"
#include "fptq/recipe.h"

namespace fptq {

// Calibration data. Most callers leave all of it alone.
struct CalibrationOptions {
  // A text file, or a JSON-lines file (objects with a "text" member, or plain strings). Without data:
  // "random", ids drawn uniformly from the vocabulary without its special tokens; "self", text that the
  // unquantized model writes, which needs memory for all of it; "auto", which of these the method prefers.
  std::string source = "auto";
  std::optional<int64_t>
      nsamples;          // windows; without it 32, for methods that learn or tune as the preset says
  int64_t seqlen = 512;  // tokens of a window
  uint64_t seed = 0;
  bool draw_at_random = false;  // windows at random places of the file instead of consecutive from its head
};

struct QuantizeOptions {
  // Behaviour
  std::string method = "auto";          // of method_names()
  std::string preset = "fast";          // how long methods that learn may take: one of preset_names()
  std::string scheme = "w4a8";          // of scheme_names(): bits of weights and inputs
  std::optional<int> weight_bits = {};  // 3, 4 or 8, instead of the scheme's
  // Inputs that share a scale, -1: a row. Falls back to 64, 32, then a row where it does not divide the
  // inputs. None: the scheme's, which most leave at 128, for 8-bit weights a row.
  std::optional<int64_t> group_size = {};
  // On the average of the blocks' matrices, scales and zero points counted: layers get more bits than the
  // scheme's, 8 (from 3 also 4), where that helps the model most, as far as this allows. Layers that rules
  // give bits keep these.
  std::optional<double> bits_per_weight = {};
  bool per_tensor = false;  // one scale for a whole weight matrix, instead of groups
  bool symmetric = true;
  double static_threshold = 15.0;     // v <= it: static per tensor (paper: v0)
  double dynamic_threshold = 150.0;   // v >= it: per token (paper: v1); between them: LAE, then static
  std::optional<double> alpha = 0.5;  // SmoothQuant's migration strength, 0..1; none: searched for each input
  std::string observer =
      "minmax";               // of static scales, where scheme or method fix them: minmax, percentile, mse
  double percentile = 99.99;  // of that observer
  std::string head = "auto";  // the output head: keep, int8 (per vocabulary entry), int4 (groups), or as
                              // the scheme says, which most keep; int8 where the embeddings are
  std::string embeddings = "auto";     // keep, int8 (a scale per vocabulary entry), or as the scheme says
  std::string kv = "f32";              // of kv_names(): the KV cache that the result asks engines for
  std::string dtype = "auto";          // of scales and dense tensors: auto (the source's), f32, f16, bf16
  std::vector<RecipeRule> rules = {};  // exceptions for some layers
  CalibrationOptions calibration = {};
  bool evaluate = true;        // measure the result against the source on held-out text while the blocks pass
  std::string eval_text = {};  // that text: a file, or empty for the English text that comes with the program
  bool overwrite = false;      // replace an existing output directory
  std::string command = {};    // recorded in the model card
  // Performance
  int threads = 0;  // 0: all cores of this process
};

// a_j, the largest |x| of channel j over the calibration tokens, seen over all channels.
struct ChannelMaxima {
  double largest = 0, median = 0;
  // The largest of so many consecutive channels, to four digits; at most kChannelBins.
  std::vector<double> bins = {};
};
inline constexpr int64_t kChannelBins = 96;

struct OutlierChannel {
  int64_t channel = 0;
  double before = 0, after = 0;  // its maximum; after equalization
};

// What calibration saw of one input. Without calibration tokens, nothing.
struct InputProfile {
  int64_t tokens = 0, channels = 0;
  ChannelMaxima before, after;  // after: divided by the equalization
  double kurtosis = 0;          // E[(x - m)^4] / E[(x - m)^2]^2, of every fifth token; 3 for a Gaussian
  // Channels whose maximum is more than kOutlierRatio times the median channel's, and the largest of them.
  int64_t outlier_channels = 0;
  std::vector<OutlierChannel> outliers = {};  // at most 8, the largest first
  // Tokens whose largest |x| is more than kOutlierRatio times the median token's (massive activations, Sun et
  // al., arXiv 2402.17762).
  int64_t massive_tokens = 0;
};
inline constexpr double kOutlierRatio = 10.0;

// What was decided for one shared input of linear layers, and why.
struct InputDecision {
  int64_t layer = 0;
  std::string input;                   // "q/k/v input", "o input", "gate/up input", "down input"
  std::vector<std::string> consumers;  // full module names
  double v = 0;                        // largest |x| on the calibration tokens
  bool equalized = false;              // by scales folded into what makes the input
  std::string activation;              // "static", "token", or "float": not quantized
  double scale = 0;                    // of the static form
  std::string reason;                  // "v = 3.2 <= 15"
  InputProfile profile = {};
};

struct LinearReport {
  std::string module;      // "model.layers.0.self_attn.q_proj"
  int bits = 0;            // 0: not quantized
  int64_t group_size = 0;  // 0: one group per row
  bool group_size_fell_back = false;
  double relative_error = 0;  // |W' - W|^2 / |W|^2 after folding
  double sqnr_db = 0;
  std::string form = {};  // "int4 g64 sym", "fp8_e4m3 channel"; empty: not quantized
  int64_t weights = 0;    // of the matrix
  // Share of the weights that would round to a code beyond the last one of their group.
  double clipped_share = 0;
  double smallest_scale = 0, largest_scale = 0;
};

// What leaves a block of the result, run behind the blocks before it, against what leaves the source's, on
// held-out tokens.
struct BlockReport {
  int64_t layer = 0;
  // -10 log10 of the mean over tokens of |y' - y|^2 / |y|^2: tokens count alike, however long they are.
  double output_sqnr_db = 0;
};

struct QuantizeReport {
  std::string source;  // the model as it was named
  std::string method, scheme;
  std::vector<InputDecision> inputs;
  std::vector<LinearReport> linears;
  std::vector<BlockReport> blocks;  // empty without evaluation
  bool tuned = false;               // scales and norms were tuned after `linears` was measured
  int64_t calibration_tokens = 0;
  std::optional<EvalResult> evaluation;  // of the result against the source, if asked for
  std::optional<double> head_kl;         // mean KL that a quantized head alone costs on the same text
  double bits_per_weight = 0;            // of the blocks' matrices, scales and zero points counted
  std::vector<std::string> warnings;     // e.g. fewer calibration tokens than asked for
  uint64_t source_bytes = 0;             // dense size of the source's tensors in its own dtype
  uint64_t output_bytes = 0;             // files written
  double seconds = 0;
  uint64_t peak_rss_bytes = 0;
  bool resumed = false;
};

// Names of the methods, schemes and observers there are.
std::vector<std::string> method_names();
std::vector<std::string> preset_names();
std::vector<std::string> scheme_names();
std::vector<std::string> observer_names();

// What quantize() would do, computed from headers alone.
struct QuantizePlan {
  struct Matrix {
    std::string module;
    int64_t rows = 0, cols = 0;
    int bits = 0;  // 0: not quantized
    int64_t group_size = 0;
    bool group_size_fell_back = false;
    std::string form = {};  // as of LinearReport
  };
  std::string family;
  std::string scheme;
  std::string scheme_summary;  // "4-bit weights, inputs as they are"
  int64_t layers = 0;
  int64_t parameters = 0;
  std::vector<Matrix> matrices;
  uint64_t source_bytes = 0;  // all parameters in the source's own dense type
  uint64_t output_bytes = 0;
  uint64_t memory_bytes = 0;  // expected peak
  double seconds = 0;         // expected time, from a short measurement of this machine
  int64_t calibration_tokens = 0;
  double bits_per_weight = 0;  // of the blocks' matrices, scales counted
  std::vector<std::string> warnings;
};

QuantizePlan plan_quantize(const std::string& model, const QuantizeOptions& options);

// Reads `model` (a Hugging Face directory or a GGUF file) and writes the directory `output`. Appears whole or
// not at all; a run that was killed leaves `output`.partial, from which the same call goes on to the same
// bytes.
QuantizeReport quantize(const std::string& model, const std::string& output, const QuantizeOptions& options,
                        Progress& progress = no_progress());

}  // namespace fptq
