#include "quant/quantized_head.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/story_source.h"

namespace fptq {
namespace {

// By the definition: scale = largest |w| of a row / 127, every weight to the nearest step.
TEST(QuantizedHead, OneScalePerVocabularyEntry) {
  const StorySource source;
  ThreadPool pool(2);
  LinearReport report;
  const LinearWeights head = source.head();
  const LinearWeights q = quantize_head(source, *head_spec("int8", 0, 0, true), DType::kF32, pool, report);
  EXPECT_EQ(q.spec, (WeightSpec{8, 0, true}));
  EXPECT_EQ(q.activation.mode, ActivationMode::kDynamicToken);
  ASSERT_EQ(q.rows, head.rows);
  std::vector<float> original(static_cast<size_t>(q.cols)), restored(original);
  double error = 0, norm = 0;
  for (int64_t r = 0; r < q.rows; ++r) {
    head.decode_row(r, original.data());
    q.decode_row(r, restored.data());
    float top = 0;
    for (const float w : original) top = std::max(top, std::fabs(w));
    for (size_t c = 0; c < original.size(); ++c) {
      EXPECT_NEAR(restored[c], original[c], top / 127.0f * 0.5001f) << r << " " << c;
      error += std::pow(double(restored[c]) - original[c], 2);
      norm += std::pow(double(original[c]), 2);
    }
  }
  EXPECT_EQ(report.module, "lm_head");
  EXPECT_NEAR(report.relative_error, error / norm, 1e-9);
  EXPECT_GT(report.sqnr_db, 35);
}

TEST(QuantizedEmbedding, HasTheRowsOfATiedHead) {
  const StorySource source;
  ThreadPool pool(2);
  LinearReport of_head, of_table;
  const WeightSpec spec = *head_spec("int8", 0, 0, true);
  const LinearWeights head = quantize_head(source, spec, DType::kF32, pool, of_head),
                      table = quantize_embedding(source, spec, DType::kF32, pool, of_table);
  EXPECT_TRUE(std::ranges::equal(head.codes.bytes(), table.codes.bytes()));
  EXPECT_EQ(table.activation, ActivationSpec{});
  EXPECT_EQ(of_table.module, "model.embed_tokens");
  EXPECT_EQ(of_table.relative_error, of_head.relative_error);
}

}  // namespace
}  // namespace fptq
