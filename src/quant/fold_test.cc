#include "quant/fold.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/thread_pool.h"
#include "expect_error.h"
#include "quant/equalize.h"
#include "quant/observer.h"
#include "quant/story_source.h"
#include "quant/token_stream.h"
#include "quant/weight_rows.h"

namespace fptq {
namespace {

// `layer` of the source with both norms equalized by `scales`, in floats.
Block folded_block(Backend& backend, const WeightSource& source, int64_t layer,
                   std::span<const std::vector<float>> scales) {
  Block block;
  for (const LinearId id : kAllLinears) {
    LinearWeights w = source.linear(layer, id);
    const InputId input = input_of(id);
    if (input == InputId::kAttention || input == InputId::kMlp) {
      const WeightRows rows(w, scales[input == InputId::kMlp], "m");
      AlignedBuffer<float> values(static_cast<size_t>(w.rows * w.cols));
      for (int64_t r = 0; r < w.rows; ++r) rows.read(r, values.data() + r * w.cols);
      w.weight = Tensor::from_floats({w.rows, w.cols}, values);
    }
    block.linears[static_cast<size_t>(id)] = backend.load_linear(w);
  }
  block.attention_norm =
      fold_norm(source.norm(layer, NormId::kAttention), scales[0], DType::kF32, "m").to_floats();
  block.mlp_norm = fold_norm(source.norm(layer, NormId::kMlp), scales[1], DType::kF32, "m").to_floats();
  return block;
}

TEST(Fold, LeavesTheModelUnchangedAndTheMaximaAtTheirLogarithm) {
  const StorySource source;
  ThreadPool pool(2);
  const auto backend = make_cpu_backend(pool);
  const auto windows = golden_windows();
  TokenStream stream(*backend, source.config(), windows, "calibration");
  AlignedBuffer<float> hidden = stream.embed(source.token_table()),
                       folded = stream.embed(source.token_table());
  for (int64_t layer = 0; layer < source.config().num_layers; ++layer) {
    ActivationObserver before(pool), after(pool);
    stream.run(load_block(*backend, source, layer), layer, KvType::kFloat, hidden.data(), &before, [] {});
    const std::vector<float> scales[] = {lae_scales(before.of(InputId::kAttention).channel_max),
                                         lae_scales(before.of(InputId::kMlp).channel_max)};
    stream.run(folded_block(*backend, source, layer, scales), layer, KvType::kFloat, folded.data(), &after,
               [] {});
    for (const InputId input : {InputId::kAttention, InputId::kMlp}) {
      const std::vector<float>&a = before.of(input).channel_max, &b = after.of(input).channel_max;
      for (size_t j = 0; j < a.size(); ++j)
        EXPECT_NEAR(b[j], std::log2(2.0f + a[j]), 1e-4f) << layer << " " << j;
    }
    double error = 0, norm = 0;
    for (size_t i = 0; i < hidden.size(); ++i) {
      error += std::pow(static_cast<double>(folded[i]) - hidden[i], 2);
      norm += std::pow(static_cast<double>(hidden[i]), 2);
    }
    EXPECT_LT(std::sqrt(error / norm), 1e-5) << layer;
  }
}

TEST(Fold, ValuesBeyondTheStoredTypeAreRefused) {
  const float gamma[] = {1.0f, 2.0f}, s[] = {1.0f, 1e-5f};
  const Tensor norm = Tensor::from_floats({2}, gamma);
  EXPECT_EQ(fold_norm(norm, s, DType::kBF16, "f:norm").to_floats()[1], 2.0f / 1e-5f);
  expect_error(ErrorKind::kBadModel, {"f:norm", "element 1", "after equalization", "F16"},
               [&] { fold_norm(norm, s, DType::kF16, "f:norm"); });
  const float bad[] = {std::nanf("")};
  expect_error(ErrorKind::kBadModel, {"element 0 is nan"},
               [&] { fold_norm(Tensor::from_floats({1}, bad), {}, DType::kF32, "f:norm"); });
}

}  // namespace
}  // namespace fptq
