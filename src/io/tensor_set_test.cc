#include "io/tensor_set.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "expect_error.h"
#include "io/test_files.h"
#include "temp_folder.h"

namespace fptq {
namespace {
namespace fs = std::filesystem;

// A file with one U8 tensor of four elements for each name.
std::string shard(const std::vector<std::string>& names) {
  std::string header = "{";
  for (size_t i = 0; i < names.size(); ++i) {
    header += (i == 0 ? "\"" : ",\"") + names[i] + R"(":{"dtype":"U8","shape":[4],"data_offsets":[)" +
              std::to_string(4 * i) + "," + std::to_string(4 * i + 4) + "]}";
  }
  return safetensors_file(header + "}", 4 * names.size());
}

class TensorSetTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& contents) { folder_.write(name, contents); }
  void write_index(const std::string& entries) {
    write("model.safetensors.index.json", R"({"metadata":{},"weight_map":{)" + entries + "}}");
  }
  TensorSet open() { return TensorSet::open(folder_.path()); }
  void refused(ErrorKind kind, const std::vector<std::string>& words) {
    expect_error(kind, words, [&] { open(); });
  }

  TempFolder folder_;
};

const std::string kTwoShards = R"("a":"m-1.safetensors","b":"m-2.safetensors","c":"m-2.safetensors")";

TEST_F(TensorSetTest, OpensASingleFile) {
  write("model.safetensors", shard({"b", "a"}));
  const TensorSet set = open();
  EXPECT_EQ(set.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(set.total_bytes(), 8u);
  EXPECT_TRUE(set.contains("a"));
  EXPECT_FALSE(set.find("x").has_value());
  EXPECT_EQ(set.where("a"), (folder_ / "model.safetensors").string() + ":a");
  expect_error(ErrorKind::kBadModel, {":x", "no such tensor"}, [&] { set.require("x"); });
}

TEST_F(TensorSetTest, OpensShards) {
  write("m-1.safetensors", shard({"a"}));
  write("m-2.safetensors", shard({"c", "b"}));
  write("training_args.bin", "pickle");
  write_index(kTwoShards);
  Tensor b;
  {
    const TensorSet set = open();
    EXPECT_EQ(set.names(), (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(set.total_bytes(), 12u);
    EXPECT_EQ(set.files().size(), 2u);
    EXPECT_EQ(set.where("b"), (folder_ / "m-2.safetensors").string() + ":b");
    b = set.require("b");
    set.release("b");
    set.release("no such");
  }
  EXPECT_EQ(b.bytes()[3], std::byte{0x3c});
}

TEST_F(TensorSetTest, RefusesIndexAndShardsThatDisagree) {
  write("m-1.safetensors", shard({"a"}));
  write_index(kTwoShards);
  refused(ErrorKind::kIo, {"m-2.safetensors", "missing"});
  write("m-2.safetensors", shard({"b"}));
  refused(ErrorKind::kBadModel, {"index.json:c", "is not in m-2.safetensors"});
  write("m-2.safetensors", shard({"b", "c", "d"}));
  refused(ErrorKind::kBadModel, {"m-2.safetensors:d", "not listed"});
  write("m-2.safetensors", shard({"b", "c", "a"}));
  refused(ErrorKind::kBadModel, {"m-2.safetensors:a", "says it is in m-1.safetensors"});
  write("m-2.safetensors", shard({"b", "c"}).substr(0, 60));
  refused(ErrorKind::kBadModel, {"m-2.safetensors", "truncated"});
}

TEST_F(TensorSetTest, PrefersTheSingleFileWhenTheIndexAgrees) {
  write("model.safetensors", shard({"a", "b"}));
  write_index(R"("a":"gone.safetensors","b":"gone.safetensors")");
  EXPECT_EQ(open().files(), std::vector<fs::path>{folder_ / "model.safetensors"});
  write_index(R"("a":"gone.safetensors")");
  refused(ErrorKind::kBadModel, {"model.safetensors:b", "is not in model.safetensors.index.json"});
  write_index(R"("a":"gone.safetensors","b":"gone.safetensors","c":"gone.safetensors")");
  refused(ErrorKind::kBadModel, {"index.json:c", "is not in model.safetensors beside it"});
}

TEST_F(TensorSetTest, RefusesLinksOutOfTheFolder) {
  const TempFolder elsewhere;
  elsewhere.write("x.safetensors", shard({"a"}));
  fs::create_symlink(elsewhere / "x.safetensors", folder_ / "model.safetensors");
  refused(ErrorKind::kBadModel, {"model.safetensors", "out of its folder"});
  fs::remove(folder_ / "model.safetensors");
  fs::create_symlink(elsewhere / "x.safetensors", folder_ / "m-1.safetensors");
  write_index(R"("a":"m-1.safetensors")");
  refused(ErrorKind::kBadModel, {"m-1.safetensors", "out of its folder"});
}

TEST_F(TensorSetTest, FollowsLinksThatStayInside) {
  write("weights.safetensors", shard({"a"}));
  fs::create_symlink("weights.safetensors", folder_ / "model.safetensors");
  EXPECT_TRUE(open().contains("a"));
}

TEST_F(TensorSetTest, KnowsTheLayoutOfTheHuggingFaceCache) {
  const fs::path snapshot = folder_ / "snapshots/0123abcd";
  fs::create_directories(snapshot);
  fs::create_directories(folder_ / "blobs");
  write("blobs/ff", shard({"a"}));
  fs::create_symlink("../../blobs/ff", snapshot / "model.safetensors");
  EXPECT_TRUE(TensorSet::open(snapshot).contains("a"));
  write("other", shard({"a"}));
  fs::remove(snapshot / "model.safetensors");
  fs::create_symlink("../../other", snapshot / "model.safetensors");
  expect_error(ErrorKind::kBadModel, {"out of its folder"}, [&] { TensorSet::open(snapshot); });
}

TEST_F(TensorSetTest, RefusesWhatIsNoRegularFile) {
  const fs::path path = folder_ / "model.safetensors";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  refused(ErrorKind::kIo, {"model.safetensors", "not a regular file"});
  fs::remove(path);
  fs::create_directory(path);
  refused(ErrorKind::kIo, {"not a regular file"});
  fs::remove(path);
  fs::create_symlink("/dev/zero", path);
  refused(ErrorKind::kBadModel, {"out of its folder"});
  fs::remove(path);
  fs::create_symlink("model.safetensors", path);
  refused(ErrorKind::kIo, {"model.safetensors", "cannot open", "symbolic links"});
  fs::remove(path);
  fs::create_symlink("nowhere.safetensors", path);
  refused(ErrorKind::kIo, {"model.safetensors", "No such file"});
}

TEST_F(TensorSetTest, ExplainsWhatIsMissing) {
  refused(ErrorKind::kBadModel, {"neither model.safetensors nor model.safetensors.index.json"});
  write("model.gguf", "GGUF");
  refused(ErrorKind::kBadModel, {"model.gguf", "pass the path"});
  for (const char* name : {"z.ckpt", "y.pth", "x.pt", "pytorch_model.bin"}) {
    write(name, "pickle");
    refused(ErrorKind::kBadModel, {name, "pickle", "save_pretrained"});
  }
  write("m.safetensors", shard({"a"}));
  refused(ErrorKind::kBadModel, {"m.safetensors", "rename"});
  expect_error(ErrorKind::kIo, {"no such folder"}, [&] { TensorSet::open(folder_ / "nowhere"); });
  expect_error(ErrorKind::kIo, {"is not a folder"}, [&] { TensorSet::open(folder_ / "m.safetensors"); });
}

}  // namespace
}  // namespace fptq
