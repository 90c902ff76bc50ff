#include "backend/cpu/round_activations.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "base/json.h"
#include "kernels/isa.h"
#include "kernels/quantize_activations/quantize_activations.h"

namespace fptq {
namespace {

std::vector<float> floats_of_bits(const Json& array) {
  std::vector<float> values;
  for (const Json& bits : array) values.push_back(std::bit_cast<float>(bits.get<int32_t>()));
  return values;
}

// compressed-tensors (testdata/make_rounded_inputs.py).
TEST(RoundActivations, MatchesTheLibraryToTheLastBit) {
  const std::string path = std::string(FPTQ_SOURCE_DIR) + "/src/backend/cpu/testdata/rounded_inputs.json";
  const Json data = parse_json(read_text_file(path), path);
  const std::vector<float> x = floats_of_bits(data["x"]);
  const auto width = data["width"].get<int64_t>();
  for (const Json& c : data["cases"]) {
    SCOPED_TRACE(c["mode"].dump() + c["type"].dump() + c["bits"].dump() + c["symmetric"].dump());
    ActivationSpec spec;
    spec.mode = c["mode"] == "token" ? ActivationMode::kDynamicToken : ActivationMode::kStaticTensor;
    spec.type = c["type"] == "float" ? CodeType::kFloat8E4M3 : CodeType::kInteger;
    spec.bits = c["bits"];
    spec.symmetric = c["symmetric"];
    if (c.contains("scale")) {
      spec.scale = std::bit_cast<float>(c["scale"].get<int32_t>());
      spec.zero_point = c["zero"];
    }
    std::vector<float> y(x.size());
    for (size_t at = 0; at < x.size(); at += static_cast<size_t>(width))
      round_activations(spec, x.data() + at, width, y.data() + at);
    EXPECT_EQ(y, floats_of_bits(c["y"]));
  }
}

TEST(RoundActivations, EightBitsAreThoseOfTheIntegerLayers) {
  std::vector<float> x;
  for (int i = -300; i < 300; ++i) x.push_back(static_cast<float>(i * i * (i % 3 - 1)) * 0.0137f);
  const kernels::QuantizeActivations& quantize = kernels::quantize_activations(kernels::active_isa());
  std::vector<int8_t> q(x.size());
  std::vector<float> y(x.size());
  for (const bool symmetric : {true, false}) {
    float scale = 0;
    int32_t zero = 0;
    if (symmetric) {
      quantize.token(x.data(), std::ssize(x), q.data(), &scale);
    } else {
      quantize.token_asymmetric(x.data(), std::ssize(x), q.data(), &scale, &zero);
    }
    round_activations({.mode = ActivationMode::kDynamicToken, .symmetric = symmetric}, x.data(),
                      std::ssize(x), y.data());
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], static_cast<float>(q[i] - zero) * scale) << i;
  }
}

TEST(RoundActivations, TokensOfZerosStayZeros) {
  const std::vector<float> x(9, 0.0f);
  for (const CodeType type : {CodeType::kInteger, CodeType::kFloat8E4M3}) {
    std::vector<float> y(9, 1.0f);
    round_activations({.mode = ActivationMode::kDynamicToken, .type = type}, x.data(), 9, y.data());
    EXPECT_EQ(y, x);
  }
}

}  // namespace
}  // namespace fptq
