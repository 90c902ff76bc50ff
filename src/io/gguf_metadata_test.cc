#include "io/gguf_metadata.h"

#include <gtest/gtest.h>

#include <limits>

#include "expect_error.h"
#include "io/gguf.h"
#include "io/test_files.h"

namespace fptq {
namespace {

class GgufMetadataTest : public testing::Test {
 protected:
  GgufMetadataTest() {
    b_.pair<uint8_t>("u8", 0, 255).pair<int8_t>("i8", 1, -128).pair<uint16_t>("u16", 2, 65535);
    b_.pair<int16_t>("i16", 3, -32768).pair<uint32_t>("u32", 4, 4294967295u).pair<int32_t>("i32", 5, -7);
    b_.pair("f32", 6, 0.5f).pair<uint8_t>("yes", 7, 1).pair<uint8_t>("no", 7, 0).pair<uint8_t>("maybe", 7, 2);
    b_.pair("s", "text").pair<uint64_t>("u64", 10, 5).pair<uint64_t>("big", 10, ~uint64_t{0});
    b_.pair<int64_t>("i64", 11, std::numeric_limits<int64_t>::min()).pair("f64", 12, 1e300);
    b_.text("ints").number(9u).number(5u).number<uint64_t>(2).number(-1).number(2);
    b_.text("floats").number(9u).number(6u).number<uint64_t>(2).number(1.5f).number(2.5f);
    b_.text("strings").number(9u).number(8u).number<uint64_t>(3).text("a").text("").text("c");
    b_.text("none").number(9u).number(8u).number<uint64_t>(0);
    m_ = parse_gguf(as_file(b_.bytes()), "m.gguf").metadata;
  }

  GgufBuilder b_{0, 19};
  GgufMetadata m_;
};

TEST_F(GgufMetadataTest, ReadsEveryType) {
  EXPECT_EQ(m_.get_int("u8"), 255);
  EXPECT_EQ(m_.get_int("i8"), -128);
  EXPECT_EQ(m_.get_int("u16"), 65535);
  EXPECT_EQ(m_.get_int("i16"), -32768);
  EXPECT_EQ(m_.get_int("u32"), 4294967295);
  EXPECT_EQ(m_.get_int("i32"), -7);
  EXPECT_EQ(m_.get_int("u64"), 5);
  EXPECT_EQ(m_.get_int("i64"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(m_.get_number("f32"), 0.5);
  EXPECT_EQ(m_.get_number("f64"), 1e300);
  EXPECT_EQ(m_.get_number("i32"), -7.0);
  EXPECT_TRUE(m_.get_bool("yes"));
  EXPECT_FALSE(m_.get_bool("no"));
  EXPECT_EQ(m_.get_string("s"), "text");
  EXPECT_EQ(m_.get_ints("ints"), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(m_.get_numbers("ints"), (std::vector<double>{-1, 2}));
  EXPECT_EQ(m_.get_numbers("floats"), (std::vector<double>{1.5, 2.5}));
  EXPECT_EQ(m_.get_strings("strings"), (std::vector<std::string>{"a", "", "c"}));
  EXPECT_TRUE(m_.get_strings("none").empty());
  EXPECT_TRUE(m_.get_ints("none").empty());
  EXPECT_EQ(m_.keys().size(), 19u);
  EXPECT_EQ(m_.keys().front(), "u8");
}

TEST_F(GgufMetadataTest, FallsBackOnlyWhenTheKeyIsAbsent) {
  EXPECT_EQ(m_.get_int("absent", 3), 3);
  EXPECT_EQ(m_.get_int("i32", 3), -7);
  EXPECT_EQ(m_.get_number("absent", 0.25), 0.25);
  EXPECT_TRUE(m_.get_bool("absent", true));
  EXPECT_EQ(m_.get_string("absent", "x"), "x");
  expect_error(ErrorKind::kBadModel, {"m.gguf:s"}, [&] { m_.get_int("s", 3); });
}

TEST_F(GgufMetadataTest, SaysWhatItExpectedAndFound) {
  const auto refused = [](std::vector<std::string> words, const std::function<void()>& get) {
    expect_error(ErrorKind::kBadModel, words, get);
  };
  refused({"m.gguf:absent", "expected an integer, found nothing"}, [&] { m_.get_int("absent"); });
  refused({"m.gguf:f32", "expected an integer, found 0.5 (float32)"}, [&] { m_.get_int("f32"); });
  refused({"m.gguf:big", "found 18446744073709551615 (uint64)"}, [&] { m_.get_int("big"); });
  refused({"expected a number, found \"text\""}, [&] { m_.get_number("s"); });
  refused({"expected true or false, found 5 (uint64)"}, [&] { m_.get_bool("u64"); });
  refused({"expected true or false, found bool byte 2"}, [&] { m_.get_bool("maybe"); });
  refused({"expected a string, found an array of 3 string"}, [&] { m_.get_string("strings"); });
  refused({"expected an array of integers, found an array of 2 float32"}, [&] { m_.get_ints("floats"); });
  refused({"expected an array of numbers, found an array of 3 string"}, [&] { m_.get_numbers("strings"); });
  refused({"expected an array of strings, found an array of 2 int32"}, [&] { m_.get_strings("ints"); });
  refused({"expected an array of strings, found nothing"}, [&] { m_.get_strings("absent"); });
}

}  // namespace
}  // namespace fptq
