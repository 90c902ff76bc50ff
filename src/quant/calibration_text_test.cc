#include "quant/calibration_text.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "temp_folder.h"

namespace fptq {
namespace {

using Strings = std::vector<std::string>;
using namespace std::string_literals;

Strings documents(const CalibrationText& text) {
  Strings found;
  text.each_document([&](const std::string& d) {
    found.push_back(d);
    return true;
  });
  return found;
}

void expect_refused(const std::string& name, const std::string& contents, const Strings& words) {
  TempFolder folder;
  const auto path = folder.write(name, contents);
  expect_error(ErrorKind::kBadModel, words, [&] {
    const CalibrationText text(path);
    if (text.is_json()) {
      documents(text);
    } else {
      text.plain(contents.size());
    }
  });
}

TEST(CalibrationText, PlainTextIsItsBytesWithoutTheMark) {
  TempFolder folder;
  EXPECT_EQ(CalibrationText(folder.write("a.txt", "one\r\ntwo")).plain(100), "one\r\ntwo");
  EXPECT_EQ(CalibrationText(folder.write("b.txt", "\xef\xbb\xbfone")).plain(100), "one");
  EXPECT_FALSE(CalibrationText(folder.write("c.txt", "\"Hello,\" she said.\n")).is_json());
  EXPECT_FALSE(CalibrationText(folder.write("d.txt", "{not json}\n")).is_json());
}

TEST(CalibrationText, PrefixEndsBetweenCodePoints) {
  TempFolder folder;
  const CalibrationText text(folder.write("a.txt", "a\xc3\xa4\xe2\x82\xac!"));  // a, 2 bytes, 3 bytes, !
  EXPECT_EQ(text.plain(1), "a");
  EXPECT_EQ(text.plain(2), "a");
  EXPECT_EQ(text.plain(3), "a\xc3\xa4");
  EXPECT_EQ(text.plain(5), "a\xc3\xa4");
  EXPECT_EQ(text.plain(6), "a\xc3\xa4\xe2\x82\xac");
  EXPECT_EQ(text.plain_size(), 7u);
}

TEST(CalibrationText, JsonLinesByNameOrByLook) {
  TempFolder folder;
  const Strings expected = {"one", "two \n"};
  const std::string lines = "{\"id\": 1, \"text\": \"one\"}\r\n\n\"two \\n\"\n";
  EXPECT_EQ(documents(CalibrationText(folder.write("a.jsonl", lines))), expected);
  EXPECT_EQ(documents(CalibrationText(folder.write("a.data", lines))), expected);
  EXPECT_EQ(documents(CalibrationText(folder.write("a.json", "[{\"text\": \"one\"},\n\"two \\n\"]"))),
            expected);
  EXPECT_EQ(documents(CalibrationText(folder.write("b.json", lines))), expected);
}

TEST(CalibrationText, ReadingStopsWhenEnoughWasTaken) {
  TempFolder folder;
  const CalibrationText text(folder.write("a.jsonl", "\"one\"\n\"two\"\nbroken\n"));
  Strings found;
  text.each_document([&](const std::string& d) {
    found.push_back(d);
    return found.size() < 2;
  });
  EXPECT_EQ(found, (Strings{"one", "two"}));
}

TEST(CalibrationText, WhatIsNotTextIsRefused) {
  expect_refused("a.txt", "", {"a.txt", "empty"});
  expect_refused("a.txt", "\xef\xbb\xbf", {"empty"});
  expect_refused("a.txt", "\xff\xfeh\0i\0"s, {"UTF-16", "UTF-8"});
  expect_refused("a.txt", "\xfe\xff\0h\0i"s, {"UTF-16"});
  expect_refused("a.txt", "good\xff\xff", {"not UTF-8 at byte 4"});
  expect_refused("a.txt", "cut \xe2\x82", {"not UTF-8 at byte 4"});
  expect_refused("a.txt", "\xef\xbb\xbfhi\xc0\x80", {"not UTF-8 at byte 5"});
  expect_refused("a.txt",
                 "\x7f"
                 "ELF\0\0"s,
                 {"zero byte at 4"});
}

TEST(CalibrationText, WrongJsonNamesItsLine) {
  expect_refused("a.jsonl", "{\"text\": \"one\"}\n\n{\"content\": \"x\", \"id\": 2}\n",
                 {"a.jsonl:line 3", "no member \"text\"", "content, id"});
  expect_refused("a.jsonl", "{\"text\": 5}\n", {"line 1:text", "expected a string, found number"});
  expect_refused("a.jsonl", "[1]\n", {"line 1", "found array"});
  expect_refused("a.jsonl", "{}\n", {"line 1", "none"});
  expect_refused("a.jsonl", "{\"text\": \"one\"\n", {"line 1"});
  expect_refused("a.jsonl", "{\"text\": \"\xff\"}\n", {"line 1"});
  expect_refused("a.json", "[\"a\", {\"txt\": 1}]", {"a.json:[1]", "txt"});
}

TEST(CalibrationText, MissingFileIsAnIoError) {
  TempFolder folder;
  expect_error(ErrorKind::kIo, {"nowhere.txt"}, [&] { CalibrationText text(folder / "nowhere.txt"); });
  expect_error(ErrorKind::kIo, {}, [&] { CalibrationText text(folder.path()); });
}

}  // namespace
}  // namespace fptq
