// Logits of real models against an independent float64 reference.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <vector>

#include "base/file_io.h"
#include "base/json.h"
#include "fptq/logits.h"
#include "temp_folder.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;

struct GoldenModel {
  std::string model;
  std::string golden;
};

class GoldenLogits : public testing::TestWithParam<GoldenModel> {};

TEST_P(GoldenLogits, AgreeToATenThousandth) {
  const fs::path root = FPTQ_SOURCE_DIR;
  const fs::path model = root / GetParam().model, golden_path = root / GetParam().golden;
  if (!fs::exists(model))
    GTEST_SKIP() << model << " is not here: it comes with the workshop's shared folder only";
  const Json golden = parse_json(read_text_file(golden_path), golden_path.string());
  const TempFolder folder;
  const std::string out = (folder.path() / "logits.f32").string();
  for (const Json& doc : golden.at("docs")) {
    const std::vector<int32_t> ids = doc.at("ids");
    write_logits(model.string(), ids, out, "f32", 2);
    const std::string raw = read_text_file(out);
    const auto* logits = reinterpret_cast<const float*>(raw.data());
    const size_t vocab = raw.size() / sizeof(float) / ids.size();
    const std::vector<double> logprobs = doc.at("logprobs"), last = doc.at("last_logits_first16");
    const std::vector<int64_t> argmax = doc.at("argmax");
    for (size_t t = 0; t < ids.size(); ++t) {
      const float* row = logits + t * vocab;
      double top = row[0], sum = 0;
      int64_t best = 0;
      for (size_t i = 0; i < vocab; ++i) {
        if (row[i] > top) best = static_cast<int64_t>(i), top = row[i];
      }
      for (size_t i = 0; i < vocab; ++i) sum += std::exp(row[i] - top);
      EXPECT_EQ(best, argmax[t]) << "position " << t;
      if (t + 1 < ids.size()) {
        const double logprob = row[static_cast<size_t>(ids[t + 1])] - top - std::log(sum);
        EXPECT_NEAR(logprob, logprobs[t], 1e-4) << "position " << t;
      }
    }
    const float* row = logits + (ids.size() - 1) * vocab;
    for (size_t i = 0; i < last.size(); ++i) EXPECT_NEAR(row[i], last[i], 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, GoldenLogits,
    testing::Values(GoldenModel{"data/stories260k", "tests/golden/logits/stories260k.json"},
                    GoldenModel{"../shared/models/babyllama105", "../shared/models/babyllama105/golden.json"},
                    GoldenModel{"../shared/models/tinystories-656k",
                                "../shared/models/tinystories-656k/golden.json"}));

}  // namespace
}  // namespace fptq
