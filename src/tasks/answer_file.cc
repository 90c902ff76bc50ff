#include "tasks/answer_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "base/file_io.h"
#include "base/json.h"
#include "fptq/error.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSchema = "fptq.answers.v1";

std::string header_line(const std::string& key) {
  return Json{{"schema", kSchema}, {"key", key}}.dump() + "\n";
}

std::string answer_line(const AnswerLine& line) {
  Json likelihoods = Json::array(), greedy = Json::array();
  for (const RequestScore& score : line.answer.scores) {
    likelihoods.push_back(score.log_likelihood);
    greedy.push_back(score.greedy);
  }
  return Json{{"task", line.task},
              {"question", line.question},
              {"right", line.right},
              {"log_likelihoods", likelihoods},
              {"greedy", greedy}}
             .dump() +
         "\n";
}

AnswerLine parse_answer(std::string_view text, const std::string& where) {
  const Json json = parse_json(text, where);
  AnswerLine line{.task = json_string(json, "task", where),
                  .question = json_int(json, "question", where),
                  .right = json_int(json, "right", where),
                  .answer = {}};
  const Json* likelihoods = json_find(json, "log_likelihoods");
  const Json* greedy = json_find(json, "greedy");
  const bool whole = likelihoods != nullptr && greedy != nullptr && likelihoods->is_array() &&
                     greedy->is_array() && likelihoods->size() == greedy->size();
  if (!whole) throw Error(ErrorKind::kBadModel, where, "expected as many log_likelihoods as greedy");
  for (size_t i = 0; i < likelihoods->size(); ++i) {
    if (!(*likelihoods)[i].is_number() || !(*greedy)[i].is_boolean())
      throw Error(ErrorKind::kBadModel, where, "expected numbers and truth values");
    line.answer.scores.push_back({(*likelihoods)[i].get<double>(), (*greedy)[i].get<bool>()});
  }
  return line;
}

}  // namespace

AnswerFile::AnswerFile(fs::path path, const std::string& key) : path_(std::move(path)) {
  if (path_.empty()) return;
  std::error_code ec;
  if (fs::exists(path_, ec)) read(key);
  // A file that was killed before its header was whole is begun again.
  if (ends_.empty()) {
    write_file_atomically(path_, header_line(key));
    ends_.push_back(header_line(key).size());
  }
}

void AnswerFile::read(const std::string& key) {
  const std::string text = read_text_file(path_);
  const std::string header = header_line(key);
  if (header.starts_with(text) && text != header) return;
  if (!text.starts_with(header)) {
    throw Error(ErrorKind::kUsage, path_.string(),
                "holds something else than answers of this model to these tasks with these options",
                "name another file with --answers, or remove it");
  }
  ends_.push_back(header.size());
  for (size_t at = header.size(); at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // torn by a kill
    found_.push_back(parse_answer(std::string_view(text).substr(at, end - at),
                                  fmt::format("{}:{}", path_.string(), found_.size() + 2)));
    at = end + 1;
    ends_.push_back(at);
  }
}

void AnswerFile::keep(size_t count) {
  if (path_.empty()) return;
  std::error_code ec;
  fs::resize_file(path_, ends_[count], ec);
  if (ec) throw Error(ErrorKind::kIo, path_.string(), "cannot be shortened: " + ec.message());
  out_.open(path_, std::ios::binary | std::ios::app);
  if (!out_)
    throw Error(ErrorKind::kIo, path_.string(), fmt::format("cannot write: {}", std::strerror(errno)));
}

void AnswerFile::add(std::span<const AnswerLine> lines) {
  if (path_.empty()) return;
  std::string text;
  for (const AnswerLine& line : lines) text += answer_line(line);
  out_ << text << std::flush;
  if (!out_)
    throw Error(ErrorKind::kIo, path_.string(), fmt::format("cannot write: {}", std::strerror(errno)));
}

}  // namespace fptq
