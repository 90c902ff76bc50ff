#include "io/safetensors_writer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "expect_error.h"
#include "io/safetensors.h"
#include "temp_folder.h"

namespace fptq {
namespace {

std::vector<std::byte> counting(size_t n) {
  std::vector<std::byte> bytes(n);
  for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i);
  return bytes;
}

// testdata/reference.safetensors comes from PyPI's safetensors (testdata/make_safetensors.py).
TEST(SafetensorsWriter, WritesTheSameFileAsTheReferenceImplementation) {
  const std::vector<TensorInfo> infos = {
      {"b.bool", DType::kBool, {3}},    {"b.u8", DType::kU8, {5}},
      {"b.i8", DType::kI8, {2, 2}},     {"b.e5m2", DType::kF8E5M2, {1}},
      {"b.e4m3", DType::kF8E4M3, {2}},  {"b.i16", DType::kI16, {1, 3}},
      {"b.u16", DType::kU16, {2}},      {"b.f16", DType::kF16, {3}},
      {"b.bf16", DType::kBF16, {2, 1}}, {"b.i32", DType::kI32, {2}},
      {"b.u32", DType::kU32, {1}},      {"b.f32", DType::kF32, {2, 3}},
      {"a.f32", DType::kF32, {}},       {"c.f32", DType::kF32, {0, 4}},
      {"b.f64", DType::kF64, {1}},      {"b.i64", DType::kI64, {2}},
      {"b.u64", DType::kU64, {1}},      {"quote\"d \u00e9\n", DType::kU8, {1}},
  };
  const TempFolder folder;
  SafetensorsWriter writer(folder / "x.safetensors", infos);
  for (const TensorInfo& info : infos)
    writer.write(info.name, counting(storage_bytes(info.dtype, info.shape, "t")));
  writer.commit();
  const std::string expected = read_text_file(FPTQ_SOURCE_DIR "/src/io/testdata/reference.safetensors");
  EXPECT_EQ(read_text_file(folder / "x.safetensors"), expected);
  EXPECT_EQ(writer.file_size(), expected.size());
}

TEST(SafetensorsWriter, RoundTripsThroughTheReader) {
  const TempFolder folder;
  {
    SafetensorsWriter writer(folder / "x.safetensors", {{"w", DType::kI32, {2, 2}}, {"s", DType::kBF16, {3}}},
                             {{"format", "pt"}, {"by", "test"}});
    writer.write("s", counting(6));
    writer.write("w", counting(16));
    writer.commit();
  }
  Tensor w;
  {
    const SafetensorsFile file = SafetensorsFile::open(folder / "x.safetensors");
    EXPECT_EQ(file.metadata().at("by"), "test");
    EXPECT_EQ(file.names(), (std::vector<std::string>{"w", "s"}));
    EXPECT_EQ(file.tensors()[0].begin % 8, 0u);
    w = file.tensor("w");
    file.release("w");
    expect_error(ErrorKind::kBadModel, {"x.safetensors:v", "no such tensor"}, [&] { file.tensor("v"); });
  }
  // The tensor keeps the map alive, and released pages come back from the file.
  const auto bytes = counting(16);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), w.bytes().begin(), w.bytes().end()));
}

TEST(SafetensorsWriter, WritesAnEmptyFile) {
  const TempFolder folder;
  SafetensorsWriter writer(folder / "x.safetensors", {}, {});
  writer.commit();
  EXPECT_TRUE(SafetensorsFile::open(folder / "x.safetensors").tensors().empty());
}

TEST(SafetensorsWriter, LeavesNothingBehindUnlessCommitted) {
  const TempFolder folder;
  {
    SafetensorsWriter writer(folder / "x.safetensors", {{"a", DType::kU8, {2}}, {"b", DType::kU8, {2}}});
    writer.write("a", counting(2));
    expect_error(ErrorKind::kFailure, {"x.safetensors:b", "never written"}, [&] { writer.commit(); });
    EXPECT_TRUE(std::filesystem::exists(folder / "x.safetensors"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "x.safetensors"));
}

TEST(SafetensorsWriter, RefusesMisuse) {
  const TempFolder folder;
  const auto path = folder / "x.safetensors";
  const auto create = [&](std::vector<TensorInfo> infos) { SafetensorsWriter writer(path, infos); };
  expect_error(ErrorKind::kFailure, {":a", "named twice"}, [&] {
    create({{"a", DType::kU8, {1}}, {"a", DType::kU8, {1}}});
  });
  expect_error(ErrorKind::kFailure, {"empty name"}, [&] { create({{"", DType::kU8, {1}}}); });
  expect_error(ErrorKind::kFailure, {"reserved"}, [&] { create({{"__metadata__", DType::kU8, {1}}}); });
  expect_error(ErrorKind::kFailure, {":q", "Q4_0"}, [&] { create({{"q", DType::kQ4_0, {32}}}); });
  EXPECT_FALSE(std::filesystem::exists(path));

  SafetensorsWriter writer(path, {{"a", DType::kU8, {2}}});
  expect_error(ErrorKind::kFailure, {":b", "not among"}, [&] { writer.write("b", {}); });
  expect_error(ErrorKind::kFailure, {":a", "3 bytes", "2"}, [&] { writer.write("a", counting(3)); });
  writer.write("a", counting(2));
  expect_error(ErrorKind::kFailure, {":a", "second time"}, [&] { writer.write("a", counting(2)); });
}

TEST(SafetensorsWriter, ReportsWhatTheSystemRefuses) {
  const TempFolder folder;
  expect_error(ErrorKind::kIo, {"nowhere/x", "cannot create"},
               [&] { SafetensorsWriter writer(folder / "nowhere/x", {}); });
  // More than any disk has: known before a byte is written.
  expect_error(ErrorKind::kIo, {"huge", "cannot reserve"}, [&] {
    SafetensorsWriter writer(folder / "huge", {{"a", DType::kU8, {int64_t{1} << 60}}});
  });
  EXPECT_FALSE(std::filesystem::exists(folder / "huge"));
}

}  // namespace
}  // namespace fptq
