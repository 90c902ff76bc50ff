// A recipe's rules through the pipeline: layers of several kinds side by side in one block.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "expect_error.h"
#include "quant/dense_layer.h"
#include "quant/kept_blocks.h"
#include "quant/pipeline.h"
#include "quant/story_source.h"

namespace fptq {
namespace {

using testing::HasSubstr;

struct Steps : Progress {
  void begin(const std::string&, int64_t n) override {
    total = n;
    done = 0;
  }
  void update(int64_t n, const std::string&) override {
    EXPECT_GT(n, done);
    done = n;
  }
  void end() override {}
  int64_t total = -1, done = 0;
};

struct Run {
  KeptBlocks blocks;
  Probe probe;
  Steps steps;
  QuantizeReport report;
};

std::unique_ptr<Run> run(const QuantizeOptions& options, int threads = 2, PipelineHooks hooks = {}) {
  auto r = std::make_unique<Run>();
  const StorySource source;
  ThreadPool pool(threads);
  const auto backend = make_cpu_backend(pool);
  r->probe.windows = {{5, 6, 7, 8, 9, 10, 11, 12, 13}, {20, 21, 22, 23}};
  r->report = quantize_blocks(source, *backend, golden_windows(), options, r->blocks, &r->probe, r->steps,
                              std::move(hooks));
  EXPECT_EQ(r->steps.done, r->steps.total);
  return r;
}

TEST(MixedLayers, IgnoredOnesReadTheirEqualizedInputAsBefore) {
  QuantizeOptions options = options_of_golden();
  const auto plain = run(options);
  options.rules = {{.targets = {"v_proj", "gate_proj"}, .ignore = true}};
  const auto mixed = run(options);
  const StorySource source;
  int folded = 0;
  for (const QuantizedBlock& block : mixed->blocks.blocks) {
    const auto layer = static_cast<size_t>(block.layer);
    for (const LinearId id : kAllLinears) {
      const LinearWeights& w = mixed->blocks.of(layer, id);
      if (id != LinearId::kV && id != LinearId::kGate) {
        EXPECT_TRUE(same(w.codes, plain->blocks.of(layer, id).codes)) << module_name(block.layer, id);
        EXPECT_TRUE(same(w.scales, plain->blocks.of(layer, id).scales));
        EXPECT_EQ(w.activation, plain->blocks.of(layer, id).activation);
        continue;
      }
      EXPECT_TRUE(w.spec.dense());
      EXPECT_EQ(w.activation, ActivationSpec{});
      // What a dense layer and the norm before it make of x together is what they made.
      const NormId norm = id == LinearId::kV ? NormId::kAttention : NormId::kMlp;
      const Tensor& gamma_now = id == LinearId::kV ? block.attention_norm : block.mlp_norm;
      const AlignedBuffer<float> now = w.weight.to_floats(), gamma = gamma_now.to_floats(),
                                 then = source.linear(block.layer, id).weight.to_floats(),
                                 gamma_then = source.norm(block.layer, norm).to_floats();
      folded += gamma[0] != gamma_then[0] ? 1 : 0;
      for (size_t i = 0; i < now.size(); ++i) {
        const size_t j = i % gamma.size();
        const float expected = then[i] * gamma_then[j];
        ASSERT_NEAR(now[i] * gamma[j], expected, 1e-6f * std::fabs(expected)) << i;
      }
    }
  }
  EXPECT_GT(folded, 0) << "some input is equalized";
}

// AWQ folds into rows of v_proj and up_proj, too; eight-bit weights alone hardly change the model.
TEST(MixedLayers, IgnoredOnesAbsorbWhatEqualizesTheNextInput) {
  QuantizeOptions options;
  options.method = "awq";
  options.scheme = "w8a16";
  options.dtype = "f32";
  options.rules = {{.targets = {"v_proj", "up_proj"}, .ignore = true}};
  const auto r = run(options);
  int64_t others = 0;
  for (const InputDecision& d : r->report.inputs)
    others += d.equalized && (d.input == "o input" || d.input == "down input") ? 1 : 0;
  EXPECT_GT(others, 0);
  EXPECT_LT(distance(r->probe), 0.01);
}

TEST(MixedLayers, InputsThatOnlyIgnoredOnesReadStayAsTheyAre) {
  QuantizeOptions options = options_of_golden();
  options.rules = {{.targets = {"re:.*layers\\.1\\."}, .ignore = true}};
  const auto r = run(options);
  const StorySource source;
  for (const LinearId id : kAllLinears)
    EXPECT_TRUE(same(r->blocks.of(1, id).weight, source.linear(1, id).weight)) << short_name(id);
  EXPECT_TRUE(same(r->blocks.blocks[1].mlp_norm, source.norm(1, NormId::kMlp)));
  for (const InputDecision& d : r->report.inputs) {
    if (d.layer != 1) continue;
    EXPECT_EQ(d.activation, "float");
    EXPECT_FALSE(d.equalized);
    EXPECT_THAT(d.reason, HasSubstr("recipe"));
  }
  for (const LinearReport& l : r->report.linears)
    EXPECT_EQ(l.bits, l.module.starts_with("model.layers.1.") ? 0 : 4) << l.module;
}

TEST(MixedLayers, SchemesAndSolversAreEachLayersOwn) {
  QuantizeOptions options;
  options.method = "rtn";
  options.dtype = "f32";
  const auto plain = run(options);
  options.method = "gptaq";
  const auto solved = run(options);
  options.method = "rtn";
  options.rules = {
      {.targets = {"down_proj"}, .method = "gptaq"},
      {.targets = {"o_proj"}, .scheme = "w8a16"},
      {.targets = {"model.layers.2.mlp.up_proj"}, .bits = 8, .group_size = 32, .symmetric = false}};
  const auto mixed = run(options);
  for (size_t layer = 0; layer < 5; ++layer) {
    EXPECT_TRUE(
        same(mixed->blocks.of(layer, LinearId::kQ).codes, plain->blocks.of(layer, LinearId::kQ).codes));
    const LinearWeights& o = mixed->blocks.of(layer, LinearId::kO);
    EXPECT_EQ(o.spec, (WeightSpec{8, 0, true}));
    EXPECT_EQ(o.activation.mode, ActivationMode::kFloat);
  }
  // Before the first quantized block, both saw the same inputs.
  EXPECT_TRUE(same(mixed->blocks.of(0, LinearId::kDown).codes, solved->blocks.of(0, LinearId::kDown).codes));
  EXPECT_FALSE(same(mixed->blocks.of(0, LinearId::kDown).codes, plain->blocks.of(0, LinearId::kDown).codes));
  EXPECT_EQ(mixed->blocks.of(2, LinearId::kUp).spec, (WeightSpec{8, 32, false}));
  EXPECT_EQ(mixed->blocks.of(1, LinearId::kUp).spec, (WeightSpec{4, 64, true}));
  for (const LinearReport& l : mixed->report.linears) {
    if (l.module == "model.layers.2.mlp.up_proj") {
      EXPECT_EQ(l.form, "int8 g32 asym");
    } else if (l.module == "model.layers.1.mlp.up_proj") {
      EXPECT_EQ(l.form, "int4 g64 sym");
    }
  }
}

TEST(MixedLayers, RoundingIsLearnedInTheOtherBlocks) {
  QuantizeOptions options;
  options.method = "autoround";
  options.dtype = "f32";
  options.preset = "fast";
  options.rules = {{.targets = {"re:.*layers\\.[1-4]\\..*down_proj"}, .ignore = true}};
  const auto learned = run(options);
  options.method = "rtn";
  const auto solved = run(options);
  EXPECT_FALSE(same(learned->blocks.of(0, LinearId::kQ).codes, solved->blocks.of(0, LinearId::kQ).codes));
  EXPECT_TRUE(learned->blocks.of(1, LinearId::kDown).spec.dense());
  EXPECT_FALSE(learned->blocks.of(1, LinearId::kQ).spec.dense());
  EXPECT_LT(distance(learned->probe), 0.35);
}

TEST(MixedLayers, ThreadsAndResumingChangeNothing) {
  QuantizeOptions options = options_of_golden();
  options.method = "gptq";
  options.rules = {{.targets = {"v_proj"}, .ignore = true}, {.targets = {"mlp.down_proj"}, .bits = 8}};
  const auto one = run(options, 1), three = run(options, 3);
  for (size_t layer = 0; layer < 5; ++layer) {
    for (const LinearId id : kAllLinears) {
      const LinearWeights &a = one->blocks.of(layer, id), &b = three->blocks.of(layer, id);
      EXPECT_EQ(a.spec, b.spec);
      if (a.spec.dense()) {
        EXPECT_TRUE(same(a.weight, b.weight));
      } else {
        EXPECT_TRUE(same(a.codes, b.codes));
        EXPECT_TRUE(same(a.scales, b.scales));
      }
    }
  }
}

TEST(DenseLayer, IsFoldedAndRoundedOnce) {
  ThreadPool pool(2);
  LinearWeights w;
  w.rows = 2;
  w.cols = 3;
  w.weight = Tensor::from_floats({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  w.bias = Tensor::from_floats({2}, std::vector<float>{8, 9});
  const std::vector<float> columns = {1, 3, 1.0f / 3}, rows = {1, 4};
  const LinearWeights dense = dense_layer(WeightRows(w, columns, "w", rows), DType::kBF16, pool);
  EXPECT_TRUE(dense.spec.dense());
  EXPECT_EQ(dense.weight.dtype(), DType::kBF16);
  const AlignedBuffer<float> values = dense.weight.to_floats();
  const float expected[] = {1, 6, 1, 1, 3.75, 0.5};
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(values[i], expected[i]) << i;
  EXPECT_EQ(dense.bias.to_floats()[1], 2.25f);

  w.weight = Tensor::from_floats({2, 3}, std::vector<float>{1, 2, 3, 4, -65520, 6});
  expect_error(ErrorKind::kBadModel, {"w", "row 1", "-65520", "F16"},
               [&] { dense_layer(WeightRows(w, {}, "w"), DType::kF16, pool); });
}

}  // namespace
}  // namespace fptq
