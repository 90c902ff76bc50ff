#include "base/file_io.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "expect_error.h"
#include "temp_folder.h"

namespace fptq {
namespace {
namespace fs = std::filesystem;

TEST(WriteFileAtomically, ReplacesAndLeavesNothingElse) {
  const TempFolder folder;
  write_file_atomically(folder / "f", "old");
  write_file_atomically(folder / "f", std::string_view("new\0bytes", 9));
  EXPECT_EQ(read_text_file(folder / "f"), std::string("new\0bytes", 9));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(WriteFileAtomically, LeavesTheOldFileWhenItFails) {
  const TempFolder folder;
  expect_error(ErrorKind::kIo, {"nowhere/f", "cannot create", "No such file"},
               [&] { write_file_atomically(folder / "nowhere/f", "x"); });
  fs::create_directories(folder / "d/inside");
  expect_error(ErrorKind::kIo, {"cannot rename", "directory"},
               [&] { write_file_atomically(folder / "d", "x"); });
  EXPECT_TRUE(fs::is_directory(folder / "d/inside"));
  EXPECT_FALSE(fs::exists(folder / "d.tmp"));
}

TEST(FileWriter, RemovesWhatWasNotCommitted) {
  const TempFolder folder;
  {
    FileWriter writer(folder / "f");
    writer.write("abc");
    EXPECT_EQ(writer.bytes_written(), 3u);
    EXPECT_TRUE(fs::exists(folder / "f"));
  }
  EXPECT_FALSE(fs::exists(folder / "f"));
  {
    FileWriter writer(folder / "f");
    writer.write("ab");
    writer.write("c");
    writer.commit();
  }
  EXPECT_EQ(read_text_file(folder / "f"), "abc");
}

TEST(FileWriter, WritesWhereItIsTold) {
  const TempFolder folder;
  FileWriter writer(folder / "f");
  writer.reserve(6);
  writer.write_at(4, std::as_bytes(std::span("ef", 2)));
  writer.write("ab");
  writer.write_at(2, std::as_bytes(std::span("cd", 2)));
  writer.commit();
  EXPECT_EQ(read_text_file(folder / "f"), "abcdef");
}

TEST(FileWriter, ReportsAFullDisk) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  const TempFolder folder;
  fs::create_symlink("/dev/full", folder / "f");  // a link, so that cleaning up removes it and not the device
  expect_error(ErrorKind::kIo, {"cannot write", "No space left"}, [&] {
    FileWriter writer(folder / "f");
    writer.write("x");
  });
}

TEST(MoveIntoPlace, ReplacesWhatHadTheName) {
  const TempFolder folder;
  folder.write("new", "new");
  folder.write("f", "old");
  move_into_place(folder / "new", folder / "f");
  EXPECT_EQ(read_text_file(folder / "f"), "new");
  EXPECT_FALSE(fs::exists(folder / "new"));
}

TEST(MoveIntoPlace, LeavesNothingWhereTheNameCannotBeHad) {
  const TempFolder folder;
  folder.write("new", "new");
  fs::create_directory(folder / "taken");
  expect_error(ErrorKind::kIo, {"taken", "cannot rename into place"},
               [&] { move_into_place(folder / "new", folder / "taken"); });
  EXPECT_FALSE(fs::exists(folder / "new"));
}

TEST(ReadTextFile, HoldsToItsLimit) {
  const TempFolder folder;
  folder.write("f", "12345");
  EXPECT_EQ(read_text_file(folder / "f", 5), "12345");
  expect_error(ErrorKind::kIo, {"f", "5 bytes", "at most 4"}, [&] { read_text_file(folder / "f", 4); });
  folder.write("empty", "");
  EXPECT_EQ(read_text_file(folder / "empty"), "");
}

TEST(FreeSpace, LooksAtTheNearestFolderThatExists) {
  const TempFolder folder;
  EXPECT_GT(free_space(folder.path()), 0u);
  EXPECT_GT(free_space(folder / "not/yet/there"), 0u);
}

}  // namespace
}  // namespace fptq
