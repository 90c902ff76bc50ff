// Packed copies that are well-formed and still not the model's.
#include "api/packed_copy.h"

#include <gmock/gmock.h>

#include "api/engine.h"
#include "expect_error.h"
#include "formats/checkpoint_identity.h"
#include "formats/compressed_tensors_writer.h"
#include "fptq/pack.h"
#include "fptq/quantize.h"
#include "io/safetensors.h"
#include "kernels/int_gemm/int_gemm.h"
#include "quant/round_to_nearest.h"
#include "temp_folder.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

class PackedCopies : public ::testing::Test {
 protected:
  void SetUp() override {
    QuantizeOptions options;
    options.calibration.nsamples = 1;
    options.calibration.seqlen = 64;
    options.evaluate = false;
    quantize(FPTQ_SOURCE_DIR "/data/stories260k", model().string(), options);
  }

  fs::path model() const { return temp_ / "out"; }
  PackedKey key() const {
    return {kernels::isa_name(isa_), kernels::kIntImageVersion, checkpoint_identity(model())};
  }
  std::vector<float> logits(const Engine& engine) const {
    const std::vector<int32_t> ids = {1, 5, 9, 100, 200};
    KvCache cache = engine.model->make_cache();
    const SequenceInput input{ids, &cache};
    engine.model->forward(std::span(&input, 1));
    std::vector<float> out(ids.size() * static_cast<size_t>(engine.model->config().vocab_size));
    engine.model->logits(engine.model->hidden(), std::ssize(ids), out.data());
    return out;
  }

  TempFolder temp_;
  ThreadPool pool_{2};
  kernels::Isa isa_ = kernels::active_isa();
};

TEST_F(PackedCopies, OfOtherShapesAreMadeAgain) {
  const Engine first(model().string(), pool_);
  ASSERT_TRUE(first.packed);
  EXPECT_EQ(first.model->resident_bytes(), 0u) << "everything is mapped";
  {
    PackedFileWriter writer(packed_copy_path(model(), isa_), key());
    PackedLinears layers = first.packed->layers();
    std::swap(layers.begin()->second, layers.rbegin()->second);
    for (const auto& [name, layer] : layers) writer.add(name, layer);
    writer.commit();
  }
  EXPECT_FALSE(fits(open_packed_copy(model(), isa_), first.model->config(), isa_));
  const Engine second(model().string(), pool_);
  EXPECT_EQ(logits(second), logits(first));
  EXPECT_TRUE(fits(open_packed_copy(model(), isa_), first.model->config(), isa_));
}

TEST_F(PackedCopies, WithLayersThatTheModelHasNotAreMadeAgain) {
  const Engine first(model().string(), pool_);
  {
    PackedFileWriter writer(packed_copy_path(model(), isa_), key());
    writer.add("model.layers.99.mlp.up_proj", first.packed->layers().begin()->second);
    writer.commit();
  }
  EXPECT_FALSE(fits(open_packed_copy(model(), isa_), first.model->config(), isa_));
  EXPECT_EQ(logits(Engine(model().string(), pool_)), logits(first));
}

// A copy speaks for the values that were looked at when it was made; a model that changed has to be looked
// at.
TEST_F(PackedCopies, DoNotHideThatTheModelWasDamagedSince) {
  Engine(model().string(), pool_);
  const fs::path weights = model() / "model.safetensors";
  {
    std::fstream file(weights, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(weights) - 100)).put('\x55');
  }
  fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::seconds(1));
  expect_error(ErrorKind::kBadModel, {"differs from what"}, [&] { Engine(model().string(), pool_); });
}

// The promise behind fast loading: with a copy, no weight of the checkpoint is read. Damage that leaves no
// trace in size, time and header is for `fptq verify` to find.
TEST_F(PackedCopies, OpenTheModelWithoutReadingItsWeights) {
  const std::vector<float> before = logits(Engine(model().string(), pool_));
  const fs::path weights = model() / "model.safetensors";
  const auto time = fs::last_write_time(weights);
  {
    const SafetensorsFile file = SafetensorsFile::open(weights);
    const size_t at = file.find("model.layers.0.self_attn.q_proj.weight_packed")->begin;
    std::fstream(weights, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(static_cast<std::streamoff>(at))
        .write("damaged", 7);
  }
  fs::last_write_time(weights, time);
  EXPECT_EQ(logits(Engine(model().string(), pool_)), before);
}

TEST_F(PackedCopies, AreMadeForEveryInstructionSetOnAnyMachine) {
  PackOptions options;
  options.isa = "all";
  const PackReport report = pack(model().string(), options);
  ASSERT_EQ(report.copies.size(), 3u);
  for (const PackedCopy& copy : report.copies) {
    EXPECT_TRUE(copy.made);
    EXPECT_THAT(copy.problem, IsEmpty());
    EXPECT_EQ(copy.layers, 5 * 7);
    EXPECT_EQ(copy.bytes, fs::file_size(copy.path));
  }
  EXPECT_FALSE(pack(model().string(), options).copies.front().made) << "they are there already";
}

// FP8 and integer blocks in turn: the first run in floats from the checkpoint, the others from the copy.
TEST_F(PackedCopies, LeaveOutLayersThatRunInFloats) {
  const Checkpoint source = open_checkpoint(FPTQ_SOURCE_DIR "/data/stories260k");
  const fs::path mixed = temp_ / "mixed";
  {
    CompressedTensorsWriter writer(mixed, source, {.dtype = DType::kF32, .fingerprint = "x"}, 1);
    for (int64_t layer = 0; layer < source.weights->config().num_layers; ++layer) {
      const bool fp8 = layer % 2 == 0;
      const WeightSpec spec =
          fp8 ? WeightSpec{.bits = 8, .type = CodeType::kFloat8E4M3} : WeightSpec{.bits = 4};
      std::vector<LinearWeights> linears;
      for (const LinearId id : kAllLinears) {
        const LinearWeights dense = source.weights->linear(layer, id);
        linears.push_back(round_to_nearest(WeightRows(dense, {}, "m"), spec, DType::kF32, pool_));
        linears.back().activation = {.mode = ActivationMode::kDynamicToken,
                                     .type = fp8 ? CodeType::kFloat8E4M3 : CodeType::kInteger};
      }
      writer.put_block(layer, linears, source.weights->norm(layer, NormId::kAttention),
                       source.weights->norm(layer, NormId::kMlp));
    }
    writer.finish("", "{}");
  }
  ::setenv("FPTQ_NO_PACK_CACHE", "1", 1);
  const Engine without(mixed.string(), pool_);
  ::unsetenv("FPTQ_NO_PACK_CACHE");
  ASSERT_FALSE(without.packed);
  for (int run = 0; run < 2; ++run) {  // makes the copy, then finds it
    const Engine with(mixed.string(), pool_);
    ASSERT_TRUE(with.packed);
    EXPECT_EQ(with.packed->layers().size(), 2u * 7u);
    EXPECT_EQ(logits(with), logits(without));
  }
}

}  // namespace
}  // namespace fptq
