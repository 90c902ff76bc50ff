#include "io/gguf.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "expect_error.h"
#include "io/test_files.h"
#include "temp_folder.h"

namespace fptq {
namespace {

constexpr uint32_t kF32 = 0, kQ4_0 = 2, kQ3_K = 11, kI8 = 24;
constexpr int64_t kHuge = INT64_MAX;

void refused(const std::string& file, std::vector<std::string> words) {
  words.push_back("m.gguf");
  expect_error(ErrorKind::kBadModel, words, [&] { parse_gguf(as_file(file), "m.gguf"); });
}
void refused(const GgufBuilder& file, std::vector<std::string> words) {
  refused(file.bytes(), std::move(words));
}

// A [3, 64] Q4_0 matrix (108 bytes, padded to 128) and a vector of five F32.
GgufBuilder two_tensors(uint32_t version = 3) {
  GgufBuilder b(2, 1, version);
  b.pair("general.architecture", "llama");
  b.tensor("w", {64, 3}, kQ4_0, 0).tensor("v", {5}, kF32, 128).data(128 + 20);
  return b;
}

TEST(Gguf, ReadsTensorsOutermostFirst) {
  for (const uint32_t version : {2u, 3u}) {
    const GgufBuilder b = two_tensors(version);
    const GgufContents c = parse_gguf(as_file(b.bytes()), "m.gguf");
    EXPECT_EQ(c.metadata.get_string("general.architecture"), "llama");
    ASSERT_EQ(c.tensors.size(), 2u);
    EXPECT_EQ(c.tensors[0].name, "w");
    EXPECT_EQ(c.tensors[0].dtype, DType::kQ4_0);
    EXPECT_EQ(c.tensors[0].shape, (Shape{3, 64}));
    EXPECT_EQ(c.tensors[0].size, 108u);
    EXPECT_EQ(c.tensors[1].begin, b.bytes().size() - 20);
    EXPECT_EQ(c.tensors[1].shape, Shape{5});
  }
}

TEST(Gguf, HonoursAnAlignmentOfItsOwn) {
  GgufBuilder b(2, 1);
  b.pair<uint32_t>("general.alignment", 4, 8).tensor("a", {3}, kI8, 0).tensor("b", {1}, kI8, 8).data(9, 8);
  const GgufContents c = parse_gguf(as_file(b.bytes()), "m.gguf");
  EXPECT_EQ(c.tensors[1].begin, b.bytes().size() - 1);
}

TEST(Gguf, MayHoldNoTensorsAndScalars) {
  EXPECT_TRUE(parse_gguf(as_file(GgufBuilder(0, 0).bytes()), "m.gguf").tensors.empty());
  GgufBuilder b(1, 0);
  b.tensor("s", {}, kF32, 0).data(4);
  EXPECT_EQ(parse_gguf(as_file(b.bytes()), "m.gguf").tensors[0].shape, Shape{});
}

// The cases below are those of llama.cpp's tests/test-gguf.cpp, group by group, and some more.
TEST(Gguf, RefusesBadHeaders) {
  refused("", {"begins with nothing"});
  refused("GG", {"begins with 47 47"});
  refused(GgufBuilder(0, 0, 3, "FUGG"), {"begins with 46 55 47 47"});
  refused(GgufBuilder(0, 0, 3, std::string("PK\x03\x04")), {"zip archive"});
  refused(GgufBuilder(0, 0, 0), {"version 0", "expected 2 or 3"});
  refused(GgufBuilder(0, 0, 1), {"version 1"});
  refused(GgufBuilder(0, 0, 4), {"version 4"});
  refused(GgufBuilder(0, 0, 0x03000000), {"big-endian", "version 3"});
  refused(GgufBuilder(0, 0).bytes().substr(0, 20), {"number of metadata pairs", "truncated"});
  refused(GgufBuilder(~uint64_t{0}, 0), {"18446744073709551615 tensors"});
  refused(GgufBuilder(0, ~uint64_t{0}), {"18446744073709551615 metadata pairs"});
  refused(GgufBuilder(uint64_t{1} << 32, 0).raw(std::string(1000, '\0')), {"4294967296 tensors"});
}

TEST(Gguf, RefusesBadPairs) {
  const std::string rest(100, 'x');
  refused(GgufBuilder(0, 1).number(~uint64_t{0}).raw(rest),
          {"18446744073709551615 bytes, expected 1 to 65535"});
  refused(GgufBuilder(0, 1).text("").raw(rest), {"0 bytes, expected 1"});
  refused(GgufBuilder(0, 1).number<uint64_t>(101).raw(rest), {"a key takes 101 bytes", "only 100"});
  refused(GgufBuilder(0, 1).text("k").number(13u).raw(rest), {":k", "value type 13"});
  refused(GgufBuilder(0, 1).text("k").number(~0u).raw(rest), {":k", "value type 4294967295"});
  refused(GgufBuilder(0, 2).pair("k", 4, 1u).pair("k", 4, 1u), {":k", "duplicate key"});
  refused(GgufBuilder(0, 1).text("k").number(8u).number(uint64_t{1} << 63), {":k", "a string", "truncated"});
  refused(GgufBuilder(0, 1).text("key").number(10u).number(1u), {":key", "a value takes 8 bytes", "only 4"});
}

TEST(Gguf, RefusesBadArrays) {
  const auto array = [](uint32_t type, uint64_t count) {
    GgufBuilder b(0, 1);
    b.text("k").number(9u).number(type).number(count);
    return b;
  };
  refused(array(13, 1).raw("x"), {":k", "element type 13"});
  refused(array(9, 1).raw(std::string(32, '\0')), {":k", "array of arrays"});
  refused(array(5, uint64_t{1} << 62), {":k", "overflows"});
  refused(array(5, 3).raw(std::string(11, 'x')), {":k", "12 bytes", "only 11"});
  refused(array(8, ~uint64_t{0}).text("a"), {":k", "truncated"});
  refused(array(8, 1).number(~uint64_t{0}), {":k", "18446744073709551615 bytes"});
}

TEST(Gguf, RefusesBadAlignments) {
  const auto with = [](auto value, uint32_t type) {
    GgufBuilder b(1, 1);
    b.pair("general.alignment", type, value).tensor("t", {4}, kI8, 0).data(4);
    return b;
  };
  refused(with(13u, 4), {"general.alignment", "is 13", "power of two"});
  refused(with(0u, 4), {"is 0"});
  refused(with(-32, 5), {"is -32"});
  refused(with(uint64_t{1} << 40, 10), {"is 1099511627776"});
  refused(with(32.0f, 6), {"general.alignment", "expected an integer, found 32 (float32)"});
  refused(with(1u << 31, 4), {":t", "truncated"});
}

TEST(Gguf, RefusesBadTensors) {
  const auto one = [](std::string_view name, std::initializer_list<int64_t> dims, uint32_t type,
                      uint64_t offset) {
    GgufBuilder b(1, 0);
    b.tensor(name, dims, type, offset).data(1024);
    return b;
  };
  const std::string rest(100, 'x');
  refused(GgufBuilder(1, 0).number(~uint64_t{0}).raw(rest),
          {"tensor 0", "18446744073709551615 bytes, expected 1"});
  refused(one("", {4}, kI8, 0), {"tensor 0", "0 bytes"});
  refused(one(std::string(64, 'n'), {4}, kI8, 0), {"64 bytes, expected 1 to 63"});
  refused(one("t", {1, 1, 1, 1, 1}, kI8, 0), {":t", "5 dimensions, at most 4"});
  refused(one("t", {-1}, kI8, 0), {":t", "dimension", "18446744073709551615"});
  refused(one("t", {4, -1}, kI8, 0), {":t", "dimension"});
  refused(one("t", {kHuge, kHuge}, kI8, 0), {":t", "overflows"});
  refused(one("t", {kHuge}, kF32, 0), {":t", "overflows"});                     // bytes too big
  refused(one("t", {int64_t{1} << 61, 8, 4, 2}, kI8, 0), {":t", "overflows"});  // CVE-2026-33298
  refused(one("t", {int64_t{1} << 60}, kI8, 0), {":t", "truncated"});           // fits 64 bits, not the file
  refused(one("t", {32 * ((int64_t{1} << 58) - 1)}, kQ4_0, 0), {":t"});         // CVE-2026-27940
  refused(one("t", {33}, kQ4_0, 0), {":t", "33", "Q4_0", "blocks of 32"});
  refused(one("t", {1, 32}, kQ4_0, 0), {":t", "Q4_0"});
  refused(one("t", {256}, kQ3_K, 0), {":t", "type Q3_K cannot be read"});
  for (const uint32_t type : {4u, 5u, 31u, 36u, 42u, ~0u})
    refused(one("t", {256}, type, 0), {":t", "unknown type"});
  refused(one("t", {4}, kI8, 32), {":t", "offset 32, expected 0"});
  refused(one("t", {4}, kI8, ~uint64_t{0}), {":t", "offset 18446744073709551615"});
  refused(one("t\n\x1b[2J", {4}, kQ3_K, 0), {":t\\x0a\\x1b[2J"});

  const auto two = [](std::string_view second, uint64_t offset) {
    GgufBuilder b(2, 0);
    b.tensor("a", {40}, kI8, 0).tensor(second, {4}, kI8, offset).data(1024);
    return b;
  };
  EXPECT_NO_THROW(parse_gguf(as_file(two("b", 64).bytes()), "m.gguf"));
  refused(two("a", 64), {":a", "duplicate tensor name"});
  refused(two("b", 40), {":b", "offset 40, expected 64"});
  refused(two("b", 0), {":b", "offset 0, expected 64"});
  refused(two("b", 96), {":b", "offset 96, expected 64"});
}

TEST(Gguf, RefusesSumsOfSizesThatOverflow) {
  GgufBuilder b(3, 0);
  const int64_t half = int64_t{1} << 62;
  b.tensor("a", {0}, kI8, 0).tensor("b", {half}, kI8, 0).tensor("c", {half}, kI8, uint64_t{1} << 62).data(64);
  refused(b, {":b", "truncated"});
}

TEST(Gguf, RefusesTruncatedData) {
  const std::string file = two_tensors().bytes();
  refused(file.substr(0, file.size() - 1), {":v", "truncated, 1 or more"});
  refused(file.substr(0, file.size() - 148), {":w", "truncated"});
}

TEST(Gguf, SurvivesEveryFlippedByteAndEveryTruncation) {
  GgufBuilder b(2, 3);
  b.pair("general.architecture", "llama").pair("general.alignment", 4, 32u);
  b.text("tokens").number(9u).number(8u).number<uint64_t>(2).text("a").text("bc");
  b.tensor("w", {64, 3}, kQ4_0, 0).tensor("v", {5}, kF32, 128).data(128 + 20);
  const std::string good = b.bytes();
  const auto try_one = [](const std::string& file) {
    try {
      const GgufContents c = parse_gguf(as_file(file), "m.gguf");
      for (const StoredTensor& t : c.tensors) {
        ASSERT_LE(t.begin, file.size());
        ASSERT_LE(t.size, file.size() - t.begin);
      }
      for (const std::string& key : c.metadata.keys()) {
        const GgufValue* v = c.metadata.find(key);
        if (v->type == GgufType::kArray && v->element == GgufType::kString) c.metadata.get_strings(key);
        if (v->type == GgufType::kArray && v->element == GgufType::kU8) c.metadata.get_ints(key);
      }
    } catch (const Error& e) {
      ASSERT_EQ(e.kind(), ErrorKind::kBadModel);
    }
  };
  for (size_t n = 0; n < good.size(); ++n) refused(good.substr(0, n), {});
  for (size_t i = 0; i < good.size(); ++i) {
    for (int v = 0; v < 256; ++v) {
      std::string bad = good;
      bad[i] = static_cast<char>(v);
      try_one(bad);
    }
  }
}

TEST(GgufFile, MapsAFile) {
  const TempFolder folder;
  folder.write("m.gguf", two_tensors().bytes());
  Tensor v;
  {
    const GgufFile file = GgufFile::open(folder / "m.gguf");
    EXPECT_EQ(file.metadata().get_string("general.architecture"), "llama");
    EXPECT_EQ(file.names(), (std::vector<std::string>{"w", "v"}));
    EXPECT_EQ(file.where(), (folder / "m.gguf").string());
    v = file.tensor("v");
  }
  EXPECT_EQ(v.bytes().size(), 20u);
  EXPECT_EQ(v.bytes()[19], std::byte{0x3c});
  expect_error(ErrorKind::kIo, {"nowhere.gguf"}, [&] { GgufFile::open(folder / "nowhere.gguf"); });
}

}  // namespace
}  // namespace fptq
