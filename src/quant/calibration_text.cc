#include "quant/calibration_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "fptq/error.h"
#include "tokenizer/utf8.h"

namespace fptq {
namespace {

// A JSON document, or the array of them, larger than this is refused.
constexpr JsonLimits kLimits{.max_bytes = size_t{256} << 20, .max_depth = 64};

[[noreturn]] void bad(const std::string& where, const std::string& what, const std::string& fix = {}) {
  throw Error(ErrorKind::kBadModel, where, what, fix);
}

// Where the first malformed UTF-8 sequence of `text` begins.
size_t first_malformed(std::string_view text) {
  size_t i = 0;
  while (i < text.size() && is_valid_utf8(text.substr(i, utf8_length(text[i])))) i += utf8_length(text[i]);
  return i;
}

void check_text(std::string_view text, size_t offset, const std::string& where) {
  if (!is_valid_utf8(text)) {
    bad(where, fmt::format("is not UTF-8 at byte {}", offset + first_malformed(text)),
        "convert it to UTF-8 text");
  }
  const size_t zero = text.find('\0');
  if (zero != std::string_view::npos)
    bad(where, fmt::format("has a zero byte at {}, expected text", offset + zero));
}

std::string_view trim(std::string_view s) {
  const char* blank = " \t\r\n";
  const size_t begin = s.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return s.substr(begin, s.find_last_not_of(blank) - begin + 1);
}

std::string document_of(const Json& json, const std::string& where) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object())
    bad(where, fmt::format("expected a string or an object, found {}", json.type_name()));
  const Json* text = json_find(json, "text");
  if (text == nullptr) {
    std::string keys;
    for (const auto& item : json.items()) keys += (keys.empty() ? "" : ", ") + item.key();
    bad(where, fmt::format("has no member \"text\" (found: {})", keys.empty() ? "none" : keys));
  }
  if (!text->is_string()) bad(where + ":text", fmt::format("expected a string, found {}", text->type_name()));
  return text->get<std::string>();
}

}  // namespace

CalibrationText::CalibrationText(const std::filesystem::path& path) : where_(path.string()), file_(path) {
  const std::span<const std::byte> bytes = file_.bytes();
  const auto starts = [&](std::initializer_list<unsigned char> mark) {
    return bytes.size() >= mark.size() &&
           std::equal(mark.begin(), mark.end(), bytes.begin(),
                      [](unsigned char m, std::byte b) { return std::byte{m} == b; });
  };
  if (starts({0xff, 0xfe}) || starts({0xfe, 0xff}))
    bad(where_, "is UTF-16, expected UTF-8", "convert it with iconv");
  if (starts({0xef, 0xbb, 0xbf})) mark_ = 3;
  if (body().empty()) bad(where_, "is empty");
  kind_ = detect();
}

std::string_view CalibrationText::body() const {
  const std::span<const std::byte> bytes = file_.bytes();
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).substr(mark_);
}

CalibrationText::Kind CalibrationText::detect() const {
  const std::string extension = file_.path().extension().string();
  const std::string_view text = body();
  const size_t first = text.find_first_not_of(" \t\r\n");
  const char lead = first == std::string_view::npos ? '\0' : text[first];
  if (extension == ".json" && lead == '[') return Kind::kJsonArray;
  if (extension == ".jsonl" || extension == ".ndjson" || extension == ".json") return Kind::kJsonLines;
  if (lead != '{' && lead != '"') return Kind::kPlain;
  const std::string_view line = text.substr(first, text.find('\n', first) - first);
  try {
    parse_json(trim(line), where_, kLimits);
    return Kind::kJsonLines;
  } catch (const Error&) {
    return Kind::kPlain;  // prose may begin with a quotation mark
  }
}

std::string_view CalibrationText::plain(size_t bytes) const {
  std::string_view text = body();
  if (bytes < text.size()) {
    // Not in the middle of a code point.
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0u) == 0x80u) --bytes;
    text = text.substr(0, bytes);
  }
  check_text(text, mark_, where_);
  return text;
}

bool CalibrationText::next_line(size_t& begin, int64_t& line, std::string& text) const {
  const std::string_view all = body();
  while (begin < all.size()) {
    const size_t end = std::min(all.find('\n', begin), all.size());
    const std::string_view content = trim(all.substr(begin, end - begin));
    begin = end + 1;
    ++line;
    if (content.empty()) continue;
    const std::string where = fmt::format("{}:line {}", where_, line);
    text = document_of(parse_json(content, where, kLimits), where);
    return true;
  }
  return false;
}

std::vector<std::string> CalibrationText::array_documents() const {
  const Json json = parse_json(body(), where_, kLimits);
  std::vector<std::string> documents;
  for (const Json& item : json)
    documents.push_back(document_of(item, fmt::format("{}:[{}]", where_, documents.size())));
  return documents;
}

}  // namespace fptq
