#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "expect_error.h"
#include "temp_folder.h"

namespace fptq {
namespace {

std::string_view text(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.size()};
}

TEST(MappedFile, ShowsTheContents) {
  const TempFolder folder;
  const MappedFile file(folder.write("f", "hello"));
  EXPECT_EQ(text(file), "hello");
  EXPECT_EQ(file.path(), folder / "f");
}

TEST(MappedFile, MayBeEmpty) {
  const TempFolder folder;
  const MappedFile file(folder.write("f", ""));
  EXPECT_EQ(file.size(), 0u);
  EXPECT_TRUE(file.bytes().empty());
}

TEST(MappedFile, MovesItsMapping) {
  const TempFolder folder;
  MappedFile a(folder.write("a", "first"));
  MappedFile b(std::move(a));
  EXPECT_EQ(text(b), "first");
  EXPECT_EQ(a.size(), 0u);
  MappedFile c(folder.write("c", "third"));
  c = std::move(b);
  EXPECT_EQ(text(c), "first");
  EXPECT_EQ(b.size(), 0u);
}

TEST(MappedFile, RefusesWhatIsNoRegularFile) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  for (const std::filesystem::path& path :
       {folder / "fifo", folder.path(), std::filesystem::path("/dev/zero"),
        std::filesystem::path("/dev/null")}) {
    expect_error(ErrorKind::kIo, {path.string(), "not a regular file"}, [&] { MappedFile file(path); });
  }
  expect_error(ErrorKind::kIo, {"nowhere", "cannot open", "No such file"},
               [&] { MappedFile file(folder / "nowhere"); });
}

TEST(MappedFile, DroppedPagesCanBeReadAgain) {
  const TempFolder folder;
  std::string contents(3 * 4096 + 17, 'x');
  contents[5000] = 'y';
  const MappedFile file(folder.write("f", contents));
  file.drop_from_memory(file.bytes());
  file.drop_from_memory(file.bytes().subspan(1, 10));
  EXPECT_EQ(text(file), contents);
}

}  // namespace
}  // namespace fptq
