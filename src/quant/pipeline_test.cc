#include "quant/pipeline.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "expect_error.h"
#include "model/forward.h"
#include "quant/golden_data.h"
#include "quant/kept_blocks.h"
#include "quant/method.h"
#include "quant/scheme.h"
#include "quant/settings.h"
#include "quant/story_source.h"

namespace fptq {
namespace {

using Windows = std::vector<std::vector<int32_t>>;

void append(std::string& bytes, const Tensor& t) {
  bytes.append(reinterpret_cast<const char*>(t.bytes().data()), t.bytes().size());
}

// Keeps every block, and every byte of it.
class Keeper : public KeptBlocks {
 public:
  void put(const QuantizedBlock& block) override {
    replace(block);
    KeptBlocks::put(block);
  }
  void replace(const QuantizedBlock& block) override {
    std::string b;
    for (const LinearWeights& w : block.linears) {
      w.validate("block");
      append(b, w.codes);
      append(b, w.scales);
      if (w.zero_points) append(b, w.zero_points);
      b.append(reinterpret_cast<const char*>(&w.activation.scale), sizeof(float));
      b += static_cast<char>(w.activation.mode);
    }
    append(b, block.attention_norm);
    append(b, block.mlp_norm);
    bytes[static_cast<size_t>(block.layer)] = b;
  }
  std::vector<std::string> bytes = std::vector<std::string>(5);
};

struct Steps : Progress {
  void begin(const std::string& phase, int64_t n) override {
    EXPECT_EQ(phase, "quantize");
    total = n;
  }
  void update(int64_t n, const std::string& what) override {
    EXPECT_GT(n, done);
    done = n;
    last = what;
    if (throw_at == n) throw std::runtime_error("cancelled");
  }
  void end() override { ended = true; }
  int64_t total = -1, done = 0, throw_at = -1;
  std::string last;
  bool ended = false;
};

PipelineState copy(const PipelineState& s) {
  const auto same = [](const AlignedBuffer<float>& b) {
    AlignedBuffer<float> c(b.size());
    std::copy(b.begin(), b.end(), c.begin());
    return c;
  };
  PipelineState c;
  c.next_layer = s.next_layer;
  c.hidden = same(s.hidden);
  c.original = same(s.original);
  c.tuning = {s.tuning.step, same(s.tuning.values)};
  c.probe_reference = same(s.probe_reference);
  c.probe_quantized = same(s.probe_quantized);
  c.inputs = s.inputs;
  c.linears = s.linears;
  return c;
}

struct Run {
  Keeper sink;
  Probe probe;
  QuantizeReport report;
};

std::unique_ptr<Run> run(const QuantizeOptions& options, int threads = 2, PipelineHooks hooks = {},
                         Windows windows = golden_windows(), std::vector<QuantizedBlock> put_before = {}) {
  auto r = std::make_unique<Run>();
  r->sink.blocks = std::move(put_before);
  const StorySource source;
  ThreadPool pool(threads);
  const auto backend = make_cpu_backend(pool);
  r->probe.windows = {{5, 6, 7, 8, 9, 10, 11, 12, 13}, {20, 21, 22, 23}};
  r->report = quantize_blocks(source, *backend, windows, options, r->sink, &r->probe, no_progress(),
                              std::move(hooks));
  return r;
}

TEST(Pipeline, DecidesAndRoundsAsTheReference) {
  const auto r = run(options_of_golden());
  const Json expected = golden("observed.json");
  ASSERT_EQ(r->report.inputs.size(), expected["inputs"].size());
  size_t linear = 0;
  for (size_t i = 0; i < r->report.inputs.size(); ++i) {
    const InputDecision& d = r->report.inputs[i];
    const Json& e = expected["inputs"][i];
    SCOPED_TRACE(fmt::format("layer {} {}", d.layer, d.input));
    EXPECT_EQ(d.layer, e["layer"].get<int64_t>());
    const auto maxima = e["maxima"].get<std::vector<float>>();
    const float v = *std::max_element(maxima.begin(), maxima.end());
    EXPECT_NEAR(d.v, v, 1e-4 * v);
    EXPECT_EQ(d.activation, e["activation"].get<std::string>());
    EXPECT_EQ(d.equalized, e["equalized"].get<bool>());
    EXPECT_NEAR(d.scale, e["scale"].get<double>(), 1e-4 * e["scale"].get<double>());
    ASSERT_EQ(d.consumers.size(), e["modules"].size());
    for (size_t c = 0; c < d.consumers.size(); ++c, ++linear) {
      EXPECT_EQ(d.consumers[c],
                fmt::format("model.layers.{}.{}", d.layer, e["modules"][c].get<std::string>()));
      const LinearReport& l = r->report.linears[linear];
      EXPECT_EQ(l.module, d.consumers[c]);
      const double error = e["errors"][c];
      EXPECT_NEAR(l.relative_error, error, 1e-3 * error);
      EXPECT_NEAR(l.sqnr_db, -10 * std::log10(error), 0.01);
      EXPECT_EQ(l.group_size, d.input == "down input" ? 0 : 64);
      EXPECT_TRUE(l.group_size_fell_back);
      EXPECT_EQ(l.bits, 4);
    }
  }
  EXPECT_EQ(linear, r->report.linears.size());
  EXPECT_EQ(r->report.calibration_tokens, 144);
  EXPECT_FALSE(r->report.resumed);
}

TEST(Pipeline, BlocksCarryTheDecisions) {
  const auto r = run(options_of_golden());
  ASSERT_EQ(r->sink.blocks.size(), 5u);
  const StorySource source;
  for (const QuantizedBlock& block : r->sink.blocks) {
    ASSERT_EQ(block.linears.size(), kAllLinears.size());
    for (const LinearId id : kAllLinears) {
      const InputDecision& d =
          r->report.inputs[static_cast<size_t>(block.layer) * 4 + static_cast<size_t>(input_of(id))];
      const LinearWeights& w = block.linears[static_cast<size_t>(id)];
      EXPECT_EQ(w.activation.mode == ActivationMode::kStaticTensor, d.activation == "static");
      EXPECT_EQ(w.activation.scale, static_cast<float>(d.scale));
    }
    const bool equalized = r->report.inputs[static_cast<size_t>(block.layer) * 4].equalized;
    const AlignedBuffer<float> before = source.norm(block.layer, NormId::kAttention).to_floats(),
                               after = block.attention_norm.to_floats();
    EXPECT_EQ(std::equal(before.begin(), before.end(), after.begin()), !equalized);
  }
}

TEST(Pipeline, SameBytesForAnyNumberOfThreads) {
  for (const bool symmetric : {true, false}) {
    QuantizeOptions options = options_of_golden();
    options.symmetric = symmetric;
    options.dtype = "bf16";
    const auto expected = run(options, 1);
    for (const int threads : {2, 3}) {
      const auto r = run(options, threads);
      EXPECT_EQ(r->sink.bytes, expected->sink.bytes);
      EXPECT_TRUE(std::equal(r->probe.quantized.begin(), r->probe.quantized.end(),
                             expected->probe.quantized.begin()));
    }
  }
}

TEST(Pipeline, ResumesAtAnyBlockToTheSameBytes) {
  const QuantizeOptions options = options_of_golden();
  std::vector<PipelineState> states;
  PipelineHooks keep;
  keep.checkpoint_seconds = 0;
  keep.checkpoint = [&](const PipelineState& s) { states.push_back(copy(s)); };
  const auto whole = run(options, 2, std::move(keep));
  ASSERT_EQ(states.size(), 5u);
  for (PipelineState& state : states) {
    const int64_t first = state.next_layer;
    PipelineHooks hooks;
    hooks.resume = std::move(state);
    const auto rest = run(options, 3, std::move(hooks));
    ASSERT_EQ(std::ssize(rest->sink.blocks), 5 - first);
    for (size_t i = static_cast<size_t>(first); i < 5; ++i)
      EXPECT_EQ(rest->sink.bytes[i], whole->sink.bytes[i]);
    EXPECT_EQ(rest->report.inputs.size(), whole->report.inputs.size());
    EXPECT_EQ(rest->report.linears.size(), whole->report.linears.size());
    EXPECT_TRUE(rest->report.resumed);
    EXPECT_TRUE(std::equal(rest->probe.quantized.begin(), rest->probe.quantized.end(),
                           whole->probe.quantized.begin()));
    EXPECT_TRUE(std::equal(rest->probe.reference.begin(), rest->probe.reference.end(),
                           whole->probe.reference.begin()));
  }
}

TEST(Pipeline, ResumesWhileItTunesToTheSameBytes) {
  QuantizeOptions options;
  options.method = "auto";
  options.preset = "balanced";
  options.group_size = 16;
  std::vector<PipelineState> states;
  PipelineHooks keep;
  keep.checkpoint_seconds = 0;
  keep.checkpoint = [&](const PipelineState& s) {
    if (s.tuning.step == 0 || s.tuning.step % 7 == 0) states.push_back(copy(s));
  };
  const auto whole = run(options, 2, std::move(keep));
  ASSERT_GE(states.size(), 7u);
  for (size_t i = 4; i < states.size(); ++i) {
    ASSERT_EQ(states[i].next_layer, 5);
    PipelineHooks hooks;
    hooks.resume = std::move(states[i]);
    const auto rest = run(options, 3, std::move(hooks), golden_windows(), whole->sink.blocks);
    EXPECT_EQ(rest->sink.bytes, whole->sink.bytes);
    EXPECT_TRUE(std::ranges::equal(rest->probe.quantized, whole->probe.quantized));
    EXPECT_TRUE(std::ranges::equal(rest->probe.reference, whole->probe.reference));
  }
}

TEST(Pipeline, CheckpointsAreRareByDefault) {
  PipelineHooks hooks;
  int calls = 0;
  hooks.checkpoint = [&](const PipelineState&) { ++calls; };
  run(options_of_golden(), 1, std::move(hooks));
  EXPECT_EQ(calls, 0);
}

TEST(Pipeline, ForeignResumeStateIsRefused) {
  for (const int64_t next : {int64_t{-1}, int64_t{2}, int64_t{6}}) {
    PipelineHooks hooks;
    hooks.resume.emplace();
    hooks.resume->next_layer = next;
    hooks.resume->hidden = AlignedBuffer<float>(17);
    expect_error(ErrorKind::kUsage, {"resume", "17"}, [&] { run(options_of_golden(), 1, std::move(hooks)); });
  }
}

// A whole model whose blocks are those of a quantization: what a checkpoint reader would give back.
class Quantized : public StorySource {
 public:
  explicit Quantized(const std::vector<QuantizedBlock>& blocks) : blocks_(blocks) {}
  LinearWeights linear(int64_t layer, LinearId id) const override {
    return blocks_[static_cast<size_t>(layer)].linears[static_cast<size_t>(id)];
  }
  Tensor norm(int64_t layer, NormId id) const override {
    const QuantizedBlock& block = blocks_[static_cast<size_t>(layer)];
    return id == NormId::kAttention ? block.attention_norm : block.mlp_norm;
  }

 private:
  const std::vector<QuantizedBlock>& blocks_;
};

TEST(Pipeline, ProbeSeesWhatTheEngineWillSee) {
  const auto r = run(options_of_golden());  // float32: nothing is rounded when it is written
  ThreadPool pool(2);
  const auto backend = make_cpu_backend(pool);
  const StorySource source;
  const Quantized quantized(r->sink.blocks);
  const auto expect_same = [&](const WeightSource& weights, const AlignedBuffer<float>& states) {
    Model model(*backend, weights);
    const AlignedBuffer<float> gamma = weights.final_norm().to_floats();
    size_t row = 0;
    for (const std::vector<int32_t>& window : r->probe.windows) {
      KvCache cache = model.make_cache();
      const SequenceInput input{window, &cache};
      model.forward(std::span(&input, 1));
      std::vector<float> normed(window.size() * 64);
      backend->rms_norm(states.data() + row * 64, gamma, source.config().rms_norm_eps, std::ssize(window),
                        normed.data());
      for (size_t i = 0; i < normed.size(); ++i)
        ASSERT_NEAR(normed[i], model.hidden()[i], 2e-4) << row << " " << i;
      row += window.size();
    }
    EXPECT_EQ(states.size(), row * 64);
  };
  expect_same(source, r->probe.reference);
  expect_same(quantized, r->probe.quantized);
}

TEST(Pipeline, OneBlockIsOpenAtATime) {
  struct Watcher : BlockSink {
    void put(const QuantizedBlock& block) override {
      EXPECT_EQ(source->loaded, block.layer + 1);
      EXPECT_EQ(std::ssize(source->released), block.layer + 1);
      EXPECT_EQ(source->released.back(), block.layer);
    }
    QuantizedBlock get(int64_t) const override { return {}; }
    void replace(const QuantizedBlock&) override {}
    const StorySource* source = nullptr;
  };
  const StorySource source;
  Watcher sink;
  sink.source = &source;
  ThreadPool pool(1);
  const auto backend = make_cpu_backend(pool);
  quantize_blocks(source, *backend, golden_windows(), {}, sink, nullptr, no_progress());
  EXPECT_EQ(source.released.size(), 5u);
}

TEST(Pipeline, MethodsWithoutDataRunNoForward) {
  QuantizeOptions options;
  options.method = "rtn";
  options.weight_bits = 8;
  const StorySource source;
  ThreadPool pool(1);
  const auto backend = make_cpu_backend(pool);
  Keeper sink;
  Steps steps;
  const QuantizeReport report = quantize_blocks(source, *backend, {}, options, sink, nullptr, steps);
  EXPECT_EQ(steps.total, 5 * 7);
  EXPECT_EQ(report.calibration_tokens, 0);
  for (const InputDecision& d : report.inputs) EXPECT_EQ(d.activation, "token");
  for (const LinearReport& l : report.linears) EXPECT_GT(l.sqnr_db, 35.0) << l.module;
}

// Eight-bit weights alone hardly change the model, so that a fold which did would show.
TEST(Pipeline, EveryMethodKeepsTheModelInEveryScheme) {
  for (const Method& method : methods()) {
    for (const Scheme& scheme : schemes()) {
      QuantizeOptions options;
      options.method = method.name;
      options.preset = "fast";
      options.scheme = scheme.name;
      options.dtype = "f32";
      const bool contradict =
          method.inputs == ActivationForm::kStatic &&
          (scheme.inputs == ActivationForm::kFloat || scheme.inputs == ActivationForm::kToken);
      SCOPED_TRACE(fmt::format("{} {}", method.name, scheme.name));
      if (contradict || (!method_of(options).every_type && !scheme.integer_weights())) {
        EXPECT_THROW(run(options), Error);
        continue;
      }
      const auto r = run(options);
      for (const InputDecision& d : r->report.inputs) {
        const std::string held[] = {d.activation, "float", "token",
                                    "static"};  // in the order of ActivationForm
        EXPECT_EQ(d.activation, held[static_cast<size_t>(scheme.inputs)]);
      }
      for (const LinearReport& l : r->report.linears) {
        EXPECT_EQ(l.bits, scheme.weights.bits);
        EXPECT_TRUE(l.bits != 8 || l.group_size == 0);
        EXPECT_FALSE(l.bits == 8 && l.group_size_fell_back);
      }
      const double limit = scheme.weights.bits == 3                  ? 0.7
                           : scheme.weights.bits == 4                ? 0.35
                           : !scheme.integer_weights()               ? 0.2
                           : scheme.inputs == ActivationForm::kFloat ? 0.01
                                                                     : 0.06;
      EXPECT_LT(distance(r->probe), scheme.warning != nullptr ? HUGE_VAL : limit);
    }
  }
}

TEST(Pipeline, AwqAndSmoothQuantFoldWhereTheyShould) {
  QuantizeOptions options;
  options.dtype = "f32";
  for (const char* method : {"awq", "smoothquant"}) {
    options.method = method;
    const auto r = run(options);
    int64_t norms = 0, others = 0;
    for (const InputDecision& d : r->report.inputs) {
      const bool norm = d.input == "q/k/v input" || d.input == "gate/up input";
      (norm ? norms : others) += d.equalized ? 1 : 0;
    }
    EXPECT_GE(norms, 8) << method;
    EXPECT_EQ(others > 0, options.method == "awq");
  }
}

TEST(Pipeline, ProgressCountsEveryStepOnce) {
  const StorySource source;
  ThreadPool pool(1);
  const auto backend = make_cpu_backend(pool);
  Keeper sink;
  Steps steps;
  Probe probe;
  probe.windows = {{5, 6, 7}};
  // 5 windows of 480 tokens make two batches, as no more than 2,048 tokens go together.
  quantize_blocks(source, *backend, golden_windows(5, 480), {.method = "fptq"}, sink, &probe, steps);
  EXPECT_EQ(steps.total, 5 * (2 + 2 + 7));
  EXPECT_EQ(steps.done, steps.total);
  EXPECT_EQ(steps.last, "layer 5/5 check");
  EXPECT_TRUE(steps.ended);
}

TEST(Pipeline, ProgressMayCancel) {
  const StorySource source;
  ThreadPool pool(2);
  const auto backend = make_cpu_backend(pool);
  Keeper sink;
  Steps steps;
  steps.throw_at = 12;
  EXPECT_THROW(quantize_blocks(source, *backend, golden_windows(), {}, sink, nullptr, steps),
               std::runtime_error);
  EXPECT_EQ(sink.blocks.size(), 1u);
}

TEST(Pipeline, BadInputIsNamed) {
  ThreadPool pool(2);
  const auto backend = make_cpu_backend(pool);
  const auto expect_refused = [&](ErrorKind kind, const std::vector<std::string>& words,
                                  const StorySource& source, const Windows& windows,
                                  const QuantizeOptions& options = {.method = "fptq"}) {
    Keeper sink;
    expect_error(kind, words,
                 [&] { quantize_blocks(source, *backend, windows, options, sink, nullptr, no_progress()); });
  };
  const auto at = [](int64_t bad_layer, LinearId bad_id, float value) {
    return [=](int64_t layer, LinearId id, LinearWeights& w) {
      if (layer != bad_layer || id != bad_id) return;
      AlignedBuffer<float> values = w.weight.to_floats();
      values[5] = value;
      w.weight = Tensor::from_floats({w.rows, w.cols}, values);
    };
  };
  StorySource source;
  expect_refused(ErrorKind::kUsage, {"calibration", "empty", "fptq"}, source, {});
  expect_refused(ErrorKind::kUsage, {"calibration", "window 1 is empty"}, source, {{1}, {}});
  expect_refused(ErrorKind::kUsage, {"calibration", "512", "vocabulary"}, source, {{512}});
  QuantizeOptions bad_bits;
  bad_bits.weight_bits = 9;
  expect_refused(ErrorKind::kUsage, {"weight bits", "9"}, source, golden_windows(), bad_bits);

  source.damage = at(1, LinearId::kQ, std::numeric_limits<float>::infinity());
  expect_refused(ErrorKind::kBadModel, {"stories260k:layer 1 o input", "channel"}, source, golden_windows());
  QuantizeOptions rtn;
  rtn.method = "rtn";
  source.damage = at(2, LinearId::kUp, std::nanf(""));
  expect_refused(ErrorKind::kBadModel, {"stories260k:model.layers.2.mlp.up_proj.weight", "row 0, column 5"},
                 source, {}, rtn);
  source.damage = [](int64_t, LinearId, LinearWeights& w) { w.spec.bits = 8; };
  expect_refused(ErrorKind::kBadModel, {"already"}, source, {}, rtn);
}

TEST(Pipeline, DeadInputsAreQuantizedPerToken) {
  StorySource source;
  source.damage = [](int64_t, LinearId id, LinearWeights& w) {
    if (id != LinearId::kV) return;  // values of zero: nothing reaches o_proj
    const std::vector<float> zeros(static_cast<size_t>(w.rows * w.cols), 0.0f);
    w.weight = Tensor::from_floats({w.rows, w.cols}, zeros);
  };
  ThreadPool pool(1);
  const auto backend = make_cpu_backend(pool);
  Keeper sink;
  const QuantizeReport report =
      quantize_blocks(source, *backend, golden_windows(), {.method = "fptq"}, sink, nullptr, no_progress());
  EXPECT_EQ(report.inputs[1].activation, "token");
  EXPECT_THAT(report.inputs[1].reason, testing::HasSubstr("v = 0"));
}

}  // namespace
}  // namespace fptq
