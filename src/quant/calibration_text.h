// Calibration files as pieces of text, checked before anybody believes them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"

namespace fptq {

// A text file, a JSON-lines file (one object with a "text" member, or one string, a line) or a JSON array of
// such. JSON is known by the name (.jsonl, .ndjson, .json) or by a first line that parses as an object or a
// string. Lines may end in CRLF; a UTF-8 byte order mark is skipped; blank lines of JSON lines are too.
class CalibrationText {
 public:
  // Throws Error(kIo) when the file cannot be read and Error(kBadModel, path) when it is empty, not UTF-8, or
  // binary.
  explicit CalibrationText(const std::filesystem::path& path);

  // Documents are independent of each other; a text file is one.
  bool is_json() const { return kind_ != Kind::kPlain; }
  // The file without its byte order mark, when it is plain text. Lives as long as this object. Its first
  // `bytes` are checked to be text; the rest is not read.
  std::string_view plain(size_t bytes) const;
  size_t plain_size() const { return body().size(); }

  // Hands the JSON documents to `take` in order until it returns false. Throws Error(kBadModel, "path:line
  // 7") on what is not JSON of the form above.
  template <typename Take>
  void each_document(Take take) const {
    if (kind_ == Kind::kJsonArray) {
      for (const std::string& text : array_documents()) {
        if (!take(text)) return;
      }
      return;
    }
    size_t begin = 0;
    int64_t line = 0;
    std::string text;
    while (next_line(begin, line, text)) {
      if (!take(text)) return;
    }
  }

 private:
  enum class Kind { kPlain, kJsonLines, kJsonArray };

  std::string_view body() const;
  Kind detect() const;
  bool next_line(size_t& begin, int64_t& line, std::string& text) const;
  std::vector<std::string> array_documents() const;

  std::string where_;
  MappedFile file_;
  size_t mark_ = 0;  // bytes of the byte order mark
  Kind kind_ = Kind::kPlain;
};

}  // namespace fptq
