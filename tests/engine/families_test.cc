// Every family and every form of rotary scaling against transformers, on tiny random models
// (tests/golden/families).
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "base/json.h"
#include "fptq/logits.h"
#include "temp_folder.h"

namespace fptq {
namespace {

class FamilyLogits : public testing::TestWithParam<const char*> {};

TEST_P(FamilyLogits, AreThoseOfTransformers) {
  const auto folder = std::filesystem::path(FPTQ_SOURCE_DIR) / "tests/golden/families" / GetParam();
  const Json golden = parse_json(read_text_file(folder / "logits.json"), "logits.json");
  const TempFolder temporary;
  const std::string out = (temporary / "logits.f32").string();
  write_logits(folder.string(), golden.at("ids"), out, "f32", 2);
  const std::string raw = read_text_file(out);
  const auto* logits = reinterpret_cast<const float*>(raw.data());
  for (const auto& [position, expected] : golden.at("positions").items()) {
    const std::vector<double> row = expected;
    for (size_t i = 0; i < row.size(); ++i) {
      EXPECT_NEAR(logits[std::stoul(position) * row.size() + i], row[i], 1e-4) << position << " " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, FamilyLogits,
                         testing::Values("llama3-rope", "yarn-rope", "linear-rope", "head-dim-biases-tied",
                                         "mistral-window", "qwen2", "qwen2-window"));

}  // namespace
}  // namespace fptq
