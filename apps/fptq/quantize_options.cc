#include "quantize_options.h"

#include <fmt/format.h>

#include "fptq/kv_cache.h"

namespace fptq::app {

void add_quantize_options(CommandLine& line, QuantizeFlags& flags) {
  QuantizeOptions& o = flags.options;
  line.choice("--preset", o.preset, preset_names(), "time that auto and autoround take");
  line.choice("--scheme", o.scheme, scheme_names(), "bits of weights and of what they multiply");
  line.integer("--bits,--w-bits", o.weight_bits, 3, 8, "of a weight, 3, 4 or 8, instead of the scheme's");
  line.integer("-g,--group-size", o.group_size, -1, 65536,
               "inputs that share a scale; -1: a row. Without it, 128; for 8 bits a row");
  line.number_or("--bits-per-weight", "none", o.bits_per_weight, 1, 16,
                 "more bits where they help most, so many on the average");
  line.flag("--per-tensor", o.per_tensor, "one scale for a whole weight matrix");
  line.flag("--sym", flags.symmetric, "symmetric weights (the default)");
  line.flag("--asym", flags.asymmetric, "weights with zero points");
  line.text("--recipe", "FILE", flags.recipe, "YAML: defaults, and exceptions for some layers");
  line.text("--calib,--dataset", "FILE", o.calibration.source,
            "text, JSON lines; self: the model's words; random");
  line.integer("--nsamples", o.calibration.nsamples, 1, 65536, "calibration windows");
  line.integer("--seqlen", o.calibration.seqlen, 1, 1 << 20, "tokens of a window");
  line.seed("--seed", o.calibration.seed, "of everything random");
  line.flag("--calib-random-windows", o.calibration.draw_at_random,
            "windows from anywhere in FILE, not its head");
  line.number("--static-threshold,--v0", o.static_threshold, 0, 1e30, "up to it a static activation scale");
  line.number("--dynamic-threshold,--v1", o.dynamic_threshold, 0, 1e30, "from it on a scale per token");
  line.number_or("--alpha", "search", o.alpha, 0, 1, "SmoothQuant's: 1 leaves activations nothing to lose");
  line.choice("--observer", o.observer, observer_names(), "what a static activation scale covers");
  line.number("--percentile", o.percentile, 0, 100, "of the values, for that observer");
  line.choice("--head", o.head, {"auto", "keep", "int8", "int4"},
              "output head as it is, or in fewer bits: faster decoding");
  line.choice("--embeddings", o.embeddings, {"auto", "keep", "int8"}, "as they are, or in 8 bits");
  line.choice("--kv", o.kv, kv_names(), "KV cache that engines are asked for");
  line.choice("--dtype", o.dtype, {"auto", "f32", "f16", "bf16"}, "of scales and dense tensors");
}

namespace {

// What `line` does not say, `recipe` does.
void apply(const CommandLine& line, const Recipe& recipe, QuantizeOptions& o) {
  const RecipeRule& defaults = recipe.defaults;
  const bool has_scheme = line.given("--scheme");
  if (defaults.method && !line.given("--method")) o.method = *defaults.method;
  if (defaults.scheme && !has_scheme) o.scheme = *defaults.scheme;
  if (defaults.bits && !has_scheme && !line.given("--bits")) o.weight_bits = *defaults.bits;
  if (defaults.group_size && !line.given("--group-size")) o.group_size = *defaults.group_size;
  if (defaults.symmetric) o.symmetric = *defaults.symmetric;  // --sym and --asym come later
  o.rules = recipe.rules;
}

}  // namespace

void check_quantize_options(const CommandLine& line, QuantizeFlags& flags) {
  QuantizeOptions& o = flags.options;
  line.exclude("--per-tensor", "--group-size", "there is one scale for all inputs");
  line.exclude("--sym", "--asym", "weights are one or the other");
  line.require("--calib-random-windows", "--calib", "only a file has windows to draw");
  if (line.given("--calib-random-windows") &&
      (o.calibration.source == "random" || o.calibration.source == "self"))
    line.fail(
        fmt::format("expected a file, found '{}': only a file has windows to draw", o.calibration.source),
        "--calib");
  if (!flags.recipe.empty()) apply(line, read_recipe(flags.recipe), o);
  if (line.given("--alpha") && o.method != "smoothquant") {
    line.fail(fmt::format("is SmoothQuant's, found method {}", o.method), "--alpha");
  }
  const bool has_thresholds = o.method == "fptq" || o.method == "fptq+gptq";
  for (const char* threshold : {"--static-threshold", "--dynamic-threshold"}) {
    if (line.given(threshold) && !has_thresholds)
      line.fail(fmt::format("is FPTQ's, found method {}", o.method), threshold);
  }
  if (line.given("--percentile") && o.observer != "percentile") {
    line.fail("needs --observer percentile: no other looks at it", "--percentile");
  }
  if (o.static_threshold > o.dynamic_threshold) {
    line.fail(fmt::format("{} is above --dynamic-threshold, {}", o.static_threshold, o.dynamic_threshold),
              "--static-threshold");
  }
  if (flags.symmetric || flags.asymmetric) o.symmetric = flags.symmetric;
}

}  // namespace fptq::app
