#include "formats/checkpoint_identity.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "formats/test_models.h"
#include "temp_folder.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;

TEST(CheckpointIdentity, ChangesWithWhatWeightsAreReadFrom) {
  const TempFolder temp;
  const Json config = tiny_config_json();
  const fs::path model = write_model(temp / "model", config, random_tensors(config));
  const fs::path weights = model / "model.safetensors";
  std::set<std::string> seen;
  const auto is_new = [&] { return seen.insert(checkpoint_identity(model)).second; };
  EXPECT_TRUE(is_new());
  EXPECT_FALSE(is_new());
  write_file_atomically(model / "fptq-packed-avx2-v1.cache", "x");
  write_file_atomically(model / "README.md", "x");
  EXPECT_FALSE(is_new()) << "neither says what the weights are";

  fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::nanoseconds(1));
  EXPECT_TRUE(is_new()) << "written again";
  edit_json(model / "config.json", [](Json& json) { json["rope_theta"] = 5.0; });
  EXPECT_TRUE(is_new());
  write_file_atomically(model / "fptq_manifest.json", "{}");
  EXPECT_TRUE(is_new());
  const auto time = fs::last_write_time(weights);
  fs::resize_file(weights, fs::file_size(weights) + 1);
  fs::last_write_time(weights, time);
  EXPECT_TRUE(is_new()) << "longer";
  fs::rename(weights, model / "other.safetensors");
  EXPECT_TRUE(is_new());
}

TEST(CheckpointIdentity, IsThatOfACopyThatKeepsTimes) {
  const TempFolder temp;
  const Json config = tiny_config_json();
  const fs::path model = write_model(temp / "model", config, random_tensors(config));
  fs::copy(model, temp / "copy", fs::copy_options::recursive);
  fs::last_write_time(temp / "copy/model.safetensors", fs::last_write_time(model / "model.safetensors"));
  EXPECT_EQ(checkpoint_identity(temp / "copy"), checkpoint_identity(model));
}

TEST(CheckpointIdentity, TakesFilesThatAreNoSafetensors) {
  const TempFolder temp;
  temp.write("model.safetensors", "");
  const std::string empty = checkpoint_identity(temp.path());
  temp.write("model.safetensors", std::string(8, '\xff') + "{}");  // a header longer than the file
  EXPECT_NE(checkpoint_identity(temp.path()), empty);
}

}  // namespace
}  // namespace fptq
