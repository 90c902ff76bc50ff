#include "io/weight_index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "expect_error.h"

namespace fptq {
namespace {

void refused(const std::string& text, const std::vector<std::string>& words) {
  SCOPED_TRACE(text);
  expect_error(ErrorKind::kBadModel, words, [&] { parse_weight_index(text, "i.json"); });
}

TEST(WeightIndex, MapsTensorsToShards) {
  const auto map = parse_weight_index(
      R"({"metadata":{"total_size":-1},"weight_map":{"b":"m-1.safetensors","a":"m-2.safetensors"}})",
      "i.json");
  EXPECT_EQ(map, (std::map<std::string, std::string>{{"a", "m-2.safetensors"}, {"b", "m-1.safetensors"}}));
}

TEST(WeightIndex, RefusesShardsElsewhere) {
  for (const char* shard : {"../x.safetensors", "/etc/x.safetensors", "a/b.safetensors",
                            "..\\\\x.safetensors", "..", "x\\u0000.safetensors"}) {
    refused(fmt::format(R"({{"weight_map":{{"t":"{}"}}}})", shard), {"i.json:weight_map:t", "is a path"});
  }
  refused(R"({"weight_map":{"t":"pytorch_model.bin"}})", {"pytorch_model.bin", "no safetensors file"});
  refused(R"({"weight_map":{"t":""}})", {"no safetensors file"});
}

TEST(WeightIndex, RefusesOtherShapesOfJson) {
  refused("", {"i.json", "JSON"});
  refused("[]", {"weight_map", "found nothing"});
  refused(R"({"weight_map":["a"]})", {"expected an object, found array"});
  refused(R"({"weight_map":{}})", {"names no tensors"});
  refused(R"({"weight_map":{"t":3}})", {":t", "found number"});
  refused(R"({"weight_map":{"":"x.safetensors"}})", {"empty name"});
  refused(R"({"weight_map":{"t":"1.safetensors","t":"2.safetensors"}})", {"duplicate key"});
}

}  // namespace
}  // namespace fptq
