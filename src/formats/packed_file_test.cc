#include "formats/packed_file.h"

#include <gmock/gmock.h>

#include <array>
#include <chrono>
#include <cstring>
#include <limits>

#include "base/hash.h"
#include "expect_error.h"
#include "temp_folder.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const PackedKey kKey = {"avx2", 3, "0123456789abcdef0123456789abcdef"};

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Two layers with images of 128 and 64 bytes: to the file, images are bytes.
class PackedFiles : public ::testing::Test {
 protected:
  PackedFiles() {
    for (size_t i = 0; i < image_.size(); ++i) image_[i] = static_cast<std::byte>(i * 7);
    layers_["b.q_proj"] = {8,
                           32,
                           {4, 16, true},
                           DType::kBF16,
                           false,
                           {ActivationMode::kDynamicToken, true, 0, 0},
                           std::span(image_).first(128)};
    layers_["a.down_proj"] = {4,
                              6,
                              {8, 0, false},
                              DType::kF32,
                              true,
                              {ActivationMode::kStaticTensor, false, 0.1f, -5},
                              std::span(image_).last(64)};
  }

  fs::path path() const { return temp_ / "copy.cache"; }
  void write(PackedFileWriter& writer) const {
    for (const auto& [name, layer] : layers_) writer.add(name, layer);
  }
  fs::path write() const {
    PackedFileWriter writer(path(), kKey);
    write(writer);
    writer.commit();
    return path();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(temp_.path())) out.push_back(entry.path().filename());
    return out;
  }
  void refused(const std::string& bytes, const std::vector<std::string>& words = {}) const {
    temp_.write("bad", bytes);
    expect_error(ErrorKind::kVerification, words, [&] { PackedFile(temp_ / "bad", kKey); });
  }
  // The file with another table around which everything is right.
  void refused_table(const std::string& table, const std::vector<std::string>& words) const {
    const std::string good = slurp(path());
    uint64_t size = 0;
    std::memcpy(&size, good.data() + good.size() - 64, sizeof size);
    std::string bytes = good.substr(0, good.size() - 64 - size) + table + std::string(64, '\0');
    const std::array<uint64_t, 2> sizes = {table.size(), bytes.size()};
    std::memcpy(bytes.data() + bytes.size() - 64, sizes.data(), sizeof sizes);
    bytes.replace(bytes.size() - 48, 32, hash_hex(std::as_bytes(std::span(table))));
    bytes.replace(bytes.size() - 8, 8, "FPTQPACK");
    refused(bytes, words);
  }
  Json table() const {
    const std::string bytes = slurp(path());
    uint64_t size = 0;
    std::memcpy(&size, bytes.data() + bytes.size() - 64, sizeof size);
    return parse_json(bytes.substr(bytes.size() - 64 - size, size), "table");
  }

  TempFolder temp_;
  alignas(64) std::array<std::byte, 192> image_;
  PackedLinears layers_;
};

TEST_F(PackedFiles, GiveBackWhatWasWritten) {
  const PackedFile file(write(), kKey);
  ASSERT_EQ(file.layers().size(), layers_.size());
  for (const auto& [name, expected] : layers_) {
    const PackedLinear& found = file.layers().at(name);
    EXPECT_EQ(found.rows, expected.rows);
    EXPECT_EQ(found.cols, expected.cols);
    EXPECT_EQ(found.spec, expected.spec);
    EXPECT_EQ(found.scale_type, expected.scale_type);
    EXPECT_EQ(found.bias, expected.bias);
    EXPECT_EQ(found.activation, expected.activation);
    EXPECT_TRUE(std::ranges::equal(found.image, expected.image));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(found.image.data()) % 64, 0u);
  }
  EXPECT_THAT(file.damaged(), IsEmpty());
  EXPECT_THAT(names(), ElementsAre("copy.cache"));
}

TEST_F(PackedFiles, AreRefusedWhereverTheyAreCutOff) {
  const std::string good = slurp(write());
  for (size_t length = 0; length < good.size(); ++length) refused(good.substr(0, length));
  refused(good + '\0');
}

TEST_F(PackedFiles, AChangedByteIsFoundWhenOpenedOrWhenChecked) {
  const std::string good = slurp(write());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    const bool in_image = i >= 64 && i < 64 + image_.size();
    if (!in_image) {
      refused(bad);
      continue;
    }
    const PackedFile file(temp_.write("bad", bad), kKey);  // images are not read to open the file
    EXPECT_THAT(file.damaged(), ElementsAre(i < 128 ? "a.down_proj" : "b.q_proj")) << i;
  }
}

TEST_F(PackedFiles, AreForOneInstructionSetLayoutAndCheckpoint) {
  write();
  const auto opened_for = [&](PackedKey key, const std::string& word) {
    expect_error(ErrorKind::kVerification, {word}, [&] { PackedFile(path(), key); });
  };
  opened_for({"portable", kKey.layout, kKey.checkpoint}, "is for avx2 in layout 3, expected portable");
  opened_for({kKey.isa, 4, kKey.checkpoint}, "expected avx2 in layout 4");
  opened_for({kKey.isa, kKey.layout, "other"}, "another checkpoint");
}

TEST_F(PackedFiles, ATableThatLiesIsRefusedAlthoughItsChecksumIsRight) {
  write();
  const Json good = table();
  const auto with = [&](const char* key, Json value, const std::string& word) {
    Json bad = good;
    bad["layers"]["a.down_proj"][key] = std::move(value);
    refused_table(bad.dump(), {word});
  };
  with("bytes", 256, "does not lie in the file");  // takes the other's and the table's beginning
  with("bytes", uint64_t{1} << 62, "does not lie in the file");
  with("bytes", std::numeric_limits<uint64_t>::max() - 63, "bytes");
  with("bytes", 96, "does not lie in the file");  // not a whole number of units
  with("bytes", 0, "bytes is 0");
  with("bytes", -64, "bytes is -64");
  with("rows", 0, "rows is 0");
  with("rows", int64_t{1} << 40, "rows is");
  with("cols", -1, "cols is -1");
  with("bits", 5, "neither 4 nor 8");
  with("group_size", 4, "groups do not divide");
  with("scale_type", "I32", "scale_type");
  with("input_zero_point", 128, "input_zero_point is 128");
  with("input_scale_bits", 0x7fc00000u, "no scale");  // NaN
  with("rows", nullptr, "rows");
  Json bad = good;
  bad["layers"].erase("a.down_proj");
  refused_table(bad.dump(), {"holds more than its layers"});
  bad = good;
  bad["version"] = 2;
  refused_table(bad.dump(), {"expected version 1, found 2"});
  refused_table("[]", {"version"});
  refused_table("{", {"JSON"});
}

TEST_F(PackedFiles, LeaveNothingBehindUnlessFinished) {
  {
    PackedFileWriter writer(path(), kKey);
    write(writer);
  }
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(PackedFiles, WritersAtTheSameTimeDoNotSeeEachOther) {
  PackedFileWriter one(path(), kKey), two(path(), kKey);
  write(one);
  one.commit();
  write(two);
  two.commit();
  EXPECT_THAT(PackedFile(path(), kKey).damaged(), IsEmpty());
  EXPECT_THAT(names(), ElementsAre("copy.cache"));
}

TEST_F(PackedFiles, RemainsOfAKilledWriterGoButNotThoseOfOneAtWork) {
  const fs::path old = temp_.write("copy.cache.1-0.tmp", "old");
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(2));
  temp_.write("copy.cache.2-0.tmp", "young");
  write();
  EXPECT_THAT(names(), ::testing::UnorderedElementsAre("copy.cache", "copy.cache.2-0.tmp"));
}

TEST(PackedFileName, IsKnownAgain) {
  EXPECT_EQ(packed_file_name("avx2", 1), "fptq-packed-avx2-v1.cache");
  EXPECT_TRUE(is_packed_file("fptq-packed-avx2-v1.cache"));
  EXPECT_TRUE(is_packed_file("fptq-packed-avx2-v1.cache.77-0123456789abcdef.tmp"));
  EXPECT_FALSE(is_packed_file("fptq-packed-avx2-v1.safetensors"));
  EXPECT_FALSE(is_packed_file("fptq_manifest.json"));
}

}  // namespace
}  // namespace fptq
