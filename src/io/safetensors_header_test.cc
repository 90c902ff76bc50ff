#include "io/safetensors_header.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "expect_error.h"
#include "io/test_files.h"

namespace fptq {
namespace {

const std::string kT = R"({"dtype":"I32","shape":[2,2],"data_offsets":[0,16]})";

SafetensorsHeader parse(const std::string& header, size_t data_bytes) {
  return parse_safetensors_header(as_file(safetensors_file(header, data_bytes)), "m.safetensors");
}

void refused(const std::string& header, size_t data_bytes, const std::vector<std::string>& words) {
  SCOPED_TRACE(header.substr(0, 200));
  std::vector<std::string> all = words;
  all.push_back("m.safetensors");
  expect_error(ErrorKind::kBadModel, all, [&] { parse(header, data_bytes); });
}

void file_refused(const std::string& file, const std::vector<std::string>& words) {
  expect_error(ErrorKind::kBadModel, words,
               [&] { parse_safetensors_header(as_file(file), "m.safetensors"); });
}

std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

TEST(SafetensorsHeader, ReadsTensorsInTheOrderOfTheirBytes) {
  const std::string header =
      R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"__metadata__":{"format":"pt","k":"v"},)"
      R"("a":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]}})";
  const SafetensorsHeader h = parse(header, 8);
  ASSERT_EQ(h.tensors.size(), 2u);
  EXPECT_EQ(h.tensors[0].name, "a");
  EXPECT_EQ(h.tensors[0].dtype, DType::kBF16);
  EXPECT_EQ(h.tensors[0].shape, (Shape{2, 1}));
  EXPECT_EQ(h.tensors[0].begin, 8 + header.size());
  EXPECT_EQ(h.tensors[1].begin, 8 + header.size() + 4);
  EXPECT_EQ(h.tensors[1].size, 4u);
  EXPECT_EQ(h.metadata, (std::map<std::string, std::string>{{"format", "pt"}, {"k", "v"}}));
}

// What the reference implementation accepts (formats.md, section 5: results of running it) and we do, too.
TEST(SafetensorsHeader, AcceptsWhatTheReferenceAccepts) {
  const std::pair<std::string, size_t> files[] = {
      {R"({"a":)" + kT + "}", 16},
      {"{}", 0},
      {R"({"__metadata__":null})", 0},
      {R"({"a":)" + kT + "}   \n\t ", 16},
      {R"({"a":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16],"extra":{"x":[1]}}})", 16},
      {tensor(R"("F32")", "[]", "[0,4]"), 4},
      {tensor(R"("F32")", "[3,0]", "[0,0]"), 0},
      {R"({"a":)" + kT + R"(,"z":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})", 16},
      {R"({"a":)" + kT + R"(,"z":{"dtype":"F32","shape":[0],"data_offsets":[16,16]}})", 16},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})",
       5},
  };
  for (const auto& [header, bytes] : files) EXPECT_NO_THROW(parse(header, bytes)) << header;
}

TEST(SafetensorsHeader, RefusesFilesThatAreTooShort) {
  file_refused("", {"m.safetensors", "0 bytes", "at least 8"});
  file_refused("1234567", {"7 bytes"});
  file_refused(little_endian<uint64_t>(0), {"0 bytes", "JSON object"});
}

TEST(SafetensorsHeader, RefusesLengthsThatCannotBe) {
  for (const uint64_t n : {uint64_t{1} << 63, ~uint64_t{0}, uint64_t{100'000'001}}) {
    file_refused(little_endian(n) + "{}", {std::to_string(n), "100000000"});
  }
  file_refused(little_endian<uint64_t>(3) + "{}", {"3 bytes", "only 2", "truncated"});
  // test_header_too_large and _invalid_header_length of the reference: exactly the limit is too long for the
  // file
  file_refused(little_endian<uint64_t>(100'000'000) + "{}", {"100000000 bytes", "only 2"});
}

TEST(SafetensorsHeader, MustBeginWithABrace) {
  refused(" {}", 0, {"0x20"});
  refused("\n{}", 0, {"0x0a"});
  refused("\xef\xbb\xbf{}", 0, {"0xef"});
  refused("[]", 0, {"0x5b"});
}

TEST(SafetensorsHeader, RefusesBadJson) {
  const std::string deep = R"({"a":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  for (const std::string& header :
       {std::string("{} x"), std::string("{}\0", 3), std::string("{},}"), std::string("{/*c*/}"),
        std::string("{"), std::string("{\"a\xff\":1}"), std::string("{\"\xc0\xaf\":1}"),
        std::string(R"({"\ud800":1})"), std::string("{\"a\nb\":1}"), std::string(R"({"a":NaN})"),
        std::string(R"({"a":1e999})"), tensor(R"("I32")", "[02]", "[0,8]")}) {
    refused(header, 0, {"JSON"});
  }
  refused(deep, 0, {"deeper than 128"});
  refused(R"({"a":)" + kT + R"(,"a":)" + kT + "}", 16, {"duplicate key", "a"});
  refused(R"({"__metadata__":{},"__metadata__":{}})", 0, {"duplicate key"});
  refused(R"({"__metadata__":{"k":"1","k":"2"}})", 0, {"duplicate key"});
  refused(R"({"a":{"dtype":"I32","dtype":"I32","shape":[2,2],"data_offsets":[0,16]}})", 16,
          {"duplicate key"});
}

TEST(SafetensorsHeader, RefusesBadEntries) {
  refused(R"({"a":["I32",[2,2],[0,16]]})", 16, {":a", "array", "object"});
  refused(R"({"a":{"dtype":"I32","data_offsets":[0,16]}})", 16, {":a", "shape is missing"});
  refused(R"({"a":{"shape":[2],"data_offsets":[0,16]}})", 16, {"dtype is missing"});
  refused(R"({"a":{"dtype":"I32","shape":[2]}})", 16, {"data_offsets is missing"});
  refused(R"({"":)" + kT + "}", 16, {"empty name"});
  refused(R"({"a\u0000b":)" + kT + "}", 16, {":a\\x00b", "NUL"});
  refused("{\"" + std::string(1025, 'n') + "\":" + kT + "}", 16, {"1025 bytes", "..."});
  refused(R"({"__metadata__":{"k":1}})", 0, {":__metadata__", "\"k\" is number"});
  refused(R"({"__metadata__":[]})", 0, {":__metadata__", "array"});
}

TEST(SafetensorsHeader, RefusesBadTypes) {
  refused(tensor(R"("I4")", "[2]", "[0,1]"), 1, {":a", "unknown dtype", "I4"});
  refused(tensor(R"("i32")", "[4]", "[0,16]"), 16, {"unknown dtype"});
  refused(tensor(R"("Q4_0")", "[32]", "[0,18]"), 18, {"unknown dtype"});
  refused(tensor("7", "[4]", "[0,16]"), 16, {"dtype is number"});
  for (const char* type : {"F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64"}) {
    refused(tensor(fmt::format("\"{}\"", type), "[4]", "[0,4]"), 4, {"unsupported dtype", type});
  }
}

TEST(SafetensorsHeader, RefusesBadShapes) {
  for (const char* d : {"2.0", "2e0", "\"2\"", "-2", "-0", "null", "18446744073709551616"}) {
    refused(tensor(R"("I32")", fmt::format("[{},2]", d), "[0,16]"), 16, {":a", "shape"});
  }
  refused(tensor(R"("I32")", "4", "[0,16]"), 16, {"shape is number"});
  refused(tensor(R"("U8")", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1, {"9 dimensions", "at most 8"});
  refused(tensor(R"("U8")", "[4294967296,4294967296,2]", "[0,0]"), 0, {":a", "overflows"});
  refused(tensor(R"("I32")", "[2,4611686018427387904]", "[0,16]"), 16, {"overflows"});
  refused(tensor(R"("I32")", "[2,18446744073709551614]", "[0,16]"), 16, {"18446744073709551614"});
  refused(tensor(R"("F64")", "[2305843009213693952]", "[0,0]"), 0, {"overflows"});
  refused(tensor(R"("I32")", "[2,3]", "[0,16]"), 16, {"16 bytes", "[2, 3]", "24"});
}

TEST(SafetensorsHeader, RefusesBadOffsets) {
  for (const char* offsets : {"[-1,16]", "[0.0,16]", "[\"0\",16]", "[0,16.0]", "[-0,16]",
                              "[0,18446744073709551616]", "[0]", "[0,8,16]", "[]", "{}", "16", "null"}) {
    refused(tensor(R"("I32")", "[2,2]", offsets), 16, {":a", "data_offsets"});
  }
  refused(tensor(R"("I32")", "[2,2]", "[16,0]"), 16, {"[16, 0]", "end before they begin"});
  // 2^64 - 16 ... 2^64 - 1 are numbers of the right distance.
  refused(tensor(R"("U8")", "[15]", "[18446744073709551600,18446744073709551615]"), 15,
          {"belong to no tensor"});
}

TEST(SafetensorsHeader, RefusesHolesOverlapsAndRests) {
  const std::string a = R"("a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)";
  const auto b = [&](const char* offsets) {
    return "{" + a + R"("b":{"dtype":"U8","shape":[8],"data_offsets":)" + offsets + "}}";
  };
  EXPECT_NO_THROW(parse(b("[8,16]"), 16));
  refused(b("[9,17]"), 17, {":b", "offset 9", "expected 8", "1 bytes before it"});
  refused(b("[7,15]"), 15, {":b", "offset 7", "expected 8", "overlaps \"a\""});
  refused(b("[0,8]"), 8, {":b", "overlaps \"a\""});
  refused(b("[8,16]"), 17, {"1 bytes follow the last tensor"});
  refused(b("[8,16]"), 15, {":b", "ends at offset 16", "15 bytes of data", "truncated"});
  refused(b("[8,16]"), 4, {":a", "truncated"});
  refused("{}", 1, {"1 bytes follow"});
  refused(R"({"a":)" + kT + R"(,"z":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}})", 16,
          {":z", "overlaps"});
}

TEST(SafetensorsHeader, RecognizesOtherFiles) {
  file_refused("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1234\n",
               {"Git LFS", "git lfs pull"});
  file_refused("\n <!DOCTYPE html><html><body>404</body></html>", {"HTML"});
  file_refused("<html>", {"HTML"});
  file_refused("\x1f\x8b\x08" + std::string(20, '\0'), {"gzip"});
  file_refused("PK\x03\x04" + std::string(60, 'x'), {"zip", "pickle"});
  file_refused("GGUF" + std::string(60, '\0'), {"GGUF"});
}

// safetensors/attacks: many tensors over the same bytes. Must be refused without reading the data or
// comparing every pair.
TEST(SafetensorsHeader, RefusesAHundredThousandOverlapsFast) {
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i) {
    header += fmt::format(R"("weight_{}":{{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}},)", i);
  }
  header.back() = '}';
  const auto begin = std::chrono::steady_clock::now();
  refused(header, 4000, {"overlaps"});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(SafetensorsHeader, SurvivesEveryFlippedByteAndEveryTruncation) {
  const std::string good = safetensors_file(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},)"
      R"("b":{"dtype":"I8","shape":[],"data_offsets":[12,13]}})",
      13);
  const auto try_one = [](const std::string& file) {
    try {
      const SafetensorsHeader h = parse_safetensors_header(as_file(file), "m.safetensors");
      for (const StoredTensor& t : h.tensors) {
        ASSERT_LE(t.begin, file.size());
        ASSERT_LE(t.size, file.size() - t.begin);
      }
    } catch (const Error& e) {
      ASSERT_EQ(e.kind(), ErrorKind::kBadModel);
    }
  };
  EXPECT_NO_THROW(parse_safetensors_header(as_file(good), "m"));
  for (size_t n = 0; n < good.size(); ++n) file_refused(good.substr(0, n), {"m.safetensors"});
  for (size_t i = 0; i < good.size(); ++i) {
    for (int v = 0; v < 256; ++v) {
      std::string bad = good;
      bad[i] = static_cast<char>(v);
      try_one(bad);
    }
  }
}

}  // namespace
}  // namespace fptq
