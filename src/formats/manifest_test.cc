#include "formats/manifest.h"

#include <gmock/gmock.h>

#include "expect_error.h"
#include "formats/checkpoint.h"
#include "formats/compressed_tensors_writer.h"
#include "formats/test_models.h"
#include "io/safetensors.h"
#include "temp_folder.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Verify : public ::testing::Test {
 protected:
  void SetUp() override {
    const Json config = tiny_config_json();
    write_model(temp_ / "source", config, random_tensors(config));
    const Checkpoint source = open_checkpoint(temp_ / "source");
    CompressedTensorsWriter writer(out(), source, {.dtype = DType::kF32, .fingerprint = "x"}, 1000);
    std::mt19937 random(3);
    for (int64_t layer = 0; layer < 2; ++layer) {
      std::vector<LinearWeights> linears;
      for (const LinearId id : kAllLinears) {
        linears.push_back(random_linear(linear_shape(source.weights->config(), id), {}, DType::kF32, random));
      }
      writer.put_block(layer, linears, source.weights->norm(layer, NormId::kAttention),
                       source.weights->norm(layer, NormId::kMlp));
    }
    writer.finish("card", "{}");
  }
  fs::path out() const { return temp_ / "out"; }
  std::vector<std::string> problems() { return verify_folder(out()).problems; }
  // Changes one byte of a tensor in the file.
  void flip(const std::string& tensor, size_t byte = 0) {
    const fs::path path = out() / "model.safetensors";
    const size_t at = SafetensorsFile::open(path).find(tensor)->begin + byte;
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char c = static_cast<char>(file.get() ^ 0x10);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(c);
  }
  TempFolder temp_;
};

TEST_F(Verify, AnUntouchedFolderIsWhole) {
  const VerifyReport report = verify_folder(out());
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.files, 4);  // weights, config, recipe, card
  EXPECT_EQ(report.tensors,
            static_cast<int64_t>(SafetensorsFile::open(out() / "model.safetensors").tensors().size()));
  EXPECT_GT(report.bytes, fs::file_size(out() / "model.safetensors"));
}

TEST_F(Verify, AFlippedNibbleIsFoundAndNotLoaded) {
  const std::string name = "model.layers.1.mlp.up_proj.weight_packed";
  flip(name, 3);
  EXPECT_THAT(problems(), ElementsAre("model.safetensors: contents differ from what was written",
                                      HasSubstr(name + ": differs from what fptq_manifest.json says")));
  const Checkpoint checkpoint = open_checkpoint(out());
  EXPECT_NO_THROW(checkpoint.weights->linear(0, LinearId::kUp));
  expect_error(ErrorKind::kBadModel, {name, "differs"},
               [&] { checkpoint.weights->linear(1, LinearId::kUp); });
}

TEST_F(Verify, SwappedScalesAreFound) {
  const fs::path path = out() / "model.safetensors";
  std::string bytes = read_text_file(path);
  const size_t a = SafetensorsFile::open(path).find("model.layers.0.self_attn.q_proj.weight_scale")->begin;
  const size_t b = SafetensorsFile::open(path).find("model.layers.1.self_attn.q_proj.weight_scale")->begin;
  for (size_t i = 0; i < 4; ++i) std::swap(bytes[a + i], bytes[b + i]);
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_THAT(problems(), Contains(HasSubstr("layers.0.self_attn.q_proj.weight_scale")));
  EXPECT_THAT(problems(), Contains(HasSubstr("layers.1.self_attn.q_proj.weight_scale")));
}

TEST_F(Verify, FilesThatAreMissingChangedOrTooMany) {
  fs::remove(out() / "README.md");
  temp_.write("out/evil.py", "x");
  temp_.write("out/fptq_recipe.json", "{}");
  EXPECT_THAT(problems(), ElementsAre("evil.py: is not in the manifest", "README.md: is missing",
                                      HasSubstr("fptq_recipe.json: expected")));
}

TEST_F(Verify, ATruncatedFileIsFound) {
  fs::resize_file(out() / "model.safetensors", fs::file_size(out() / "model.safetensors") - 1);
  EXPECT_THAT(problems(), Contains(HasSubstr("model.safetensors: expected")));
  EXPECT_THROW(open_checkpoint(out()), Error);
}

TEST_F(Verify, TheManifestItselfMustBeOne) {
  const auto with_manifest = [&](const char* text, const char* words) {
    temp_.write("out/fptq_manifest.json", text);
    expect_error(ErrorKind::kVerification, {"fptq_manifest.json", words}, [&] { verify_folder(out()); });
  };
  with_manifest("{", "not valid JSON");
  with_manifest("{}", "version");
  with_manifest(R"({"version": 2})", "expected 1, found 2");
  with_manifest(R"({"version": 1})", "files");
  with_manifest(R"({"version": 1, "files": {"a": {"bytes": -1}}})", "bytes");
  with_manifest(R"({"version": 1, "files": {"a": {"bytes": 1}}})", "xxh3_128");
  fs::remove(out() / kManifestName);
  expect_error(ErrorKind::kVerification, {"has no fptq_manifest.json"}, [&] { verify_folder(out()); });
  expect_error(ErrorKind::kIo, {"no such directory"}, [&] { verify_folder(temp_ / "absent"); });
}

TEST_F(Verify, AManifestCannotPointOutside) {
  temp_.write("out/fptq_manifest.json",
              R"({"version": 1, "files": {"../source/config.json": {"bytes": 1, "xxh3_128": "0"}}})");
  EXPECT_THAT(problems(), Contains("../source/config.json: is missing"));
}

}  // namespace
}  // namespace fptq
