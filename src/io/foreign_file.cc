#include "io/foreign_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace fptq {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view start;  // in lower case where `text`
  bool text;               // white space before it and the case of letters do not matter
  const char* what;
  const char* fix;
};

constexpr const char* kPickleFix =
    "convert it to safetensors first: pickle files can run code when they are loaded and are never read";

constexpr std::array<Signature, 11> kSignatures = {{
    {"version https://git-lfs", true, "is a Git LFS pointer, not the file itself", "run `git lfs pull`"},
    {"<!doctype", true, "is an HTML page, not a model file", "download the file again: a server sent a page"},
    {"<html", true, "is an HTML page, not a model file", "download the file again: a server sent a page"},
    {"<?xml", true, "is an XML page, not a model file", "download the file again: a server sent an error"},
    {"\x1f\x8b"sv, false, "is compressed with gzip", "unpack it with gunzip"},
    {"\x28\xb5\x2f\xfd"sv, false, "is compressed with zstd", "unpack it with unzstd"},
    {"\xfd"
     "7zXZ"sv,
     false, "is compressed with xz", "unpack it with unxz"},
    {"7z\xbc\xaf\x27\x1c"sv, false, "is a 7z archive", "unpack it"},
    {"PK\x03\x04"sv, false, "is a zip archive, perhaps a PyTorch checkpoint", kPickleFix},
    {"\x80\x02"sv, false, "is a Python pickle", kPickleFix},
    {"GGUF"sv, false, "is a GGUF file", "give it the name *.gguf and pass its path"},
}};

bool starts_with(std::string_view file, const Signature& s) {
  if (!s.text) return file.starts_with(s.start);
  const size_t begin = std::min(file.find_first_not_of(" \t\r\n"), file.size());
  file = file.substr(begin, s.start.size());
  return std::ranges::equal(file, s.start,
                            [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

}  // namespace

ForeignFile recognize_foreign_file(std::span<const std::byte> file) {
  const std::string_view start(reinterpret_cast<const char*>(file.data()),
                               std::min<size_t>(file.size(), 256));
  for (const Signature& s : kSignatures) {
    if (starts_with(start, s)) return {s.what, s.fix};
  }
  return {};
}

}  // namespace fptq
