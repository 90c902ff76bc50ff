#include "eval/saved_predictions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/file_io.h"
#include "fptq/error.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSchema = "fptq.predictions.v1";
constexpr const char* kIds = "ids";

struct WindowNames {
  explicit WindowNames(int64_t window)
      : ids(fmt::format("window.{:06}.ids", window)),
        log_probabilities(fmt::format("window.{:06}.log_probabilities", window)),
        rest(fmt::format("window.{:06}.rest", window)),
        nll(fmt::format("window.{:06}.nll", window)) {}

  std::string ids, log_probabilities, rest, nll;
};

std::vector<TensorInfo> layout(const TextWindows& windows, int64_t top_k) {
  std::vector<TensorInfo> tensors = {{kIds, DType::kI32, {windows.tokens()}}};
  for (int64_t w = 0; w < windows.count(); ++w) {
    const WindowNames names(w);
    const int64_t rows = windows.compared(w).count();
    tensors.push_back({names.ids, DType::kI32, {rows, top_k}});
    tensors.push_back({names.log_probabilities, DType::kF32, {rows, top_k}});
    tensors.push_back({names.rest, DType::kF32, {rows}});
    tensors.push_back({names.nll, DType::kF32, {rows}});
  }
  return tensors;
}

fs::path temporary_of(const fs::path& path) {
  fs::path temporary = path;
  return temporary += ".tmp";
}

int64_t checked_top_k(int64_t top_k, int64_t vocabulary) {
  if (top_k >= 1 && top_k <= vocabulary) return top_k;
  throw Error(ErrorKind::kUsage, "--top-k",
              fmt::format("expected 1 to {}, the model's vocabulary, found {}", vocabulary, top_k));
}

// The likeliest tokens of a row into `ids` [top_k], of equals the lowest id first as for argmax, and their
// log-probabilities; returns the logarithm of what the others come to.
float take_top(std::span<const float> logits, const LogitSummary& summary, std::span<int32_t> ids,
               std::span<float> log_probabilities) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto likelier = [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)], y = logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  const auto end = order.begin() + std::ssize(ids);
  if (end != order.end()) std::nth_element(order.begin(), end, order.end(), likelier);
  std::sort(order.begin(), end, likelier);
  std::copy(order.begin(), end, ids.begin());
  const auto log_p = [&](int32_t id) {
    return static_cast<double>(logits[static_cast<size_t>(id)]) - summary.log_sum_exp;
  };
  for (size_t i = 0; i < ids.size(); ++i) log_probabilities[i] = static_cast<float>(log_p(ids[i]));
  // In the order of ids: nth_element leaves one that differs between standard libraries.
  std::sort(end, order.end());
  double others = 0;
  for (auto id = end; id != order.end(); ++id) others += std::exp(log_p(*id));
  return static_cast<float>(std::log(others));
}

int64_t integer(const SafetensorsFile& file, const char* key, int64_t least) {
  const auto found = file.metadata().find(key);
  int64_t value = -1;
  if (found != file.metadata().end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) value = -1;
  }
  if (value >= least && value <= std::numeric_limits<int32_t>::max()) return value;
  throw Error(ErrorKind::kBadModel, file.where(),
              fmt::format("metadata '{}' is missing or no number from {}", key, least),
              "save it again with 'fptq eval --save-predictions'");
}

template <typename T>
std::span<const T> values_of(const Tensor& tensor) {
  return {reinterpret_cast<const T*>(tensor.bytes().data()), tensor.bytes().size() / sizeof(T)};
}

}  // namespace

void PredictionWriter::check_path(const fs::path& path) {
  if (fs::exists(path))
    throw Error(ErrorKind::kUsage, path.string(), "exists already", "choose another name, or delete it");
}

PredictionWriter::PredictionWriter(LogitSource& source, std::span<const int32_t> ids, const What& what,
                                   const fs::path& path, ThreadPool& pool)
    : source_(source),
      windows_(std::ssize(ids), what.ctx, what.stride),
      top_k_(checked_top_k(what.top_k, source.vocab_size())),
      pool_(pool),
      path_(fs::absolute(path)),
      temporary_(temporary_of(path_)),
      writer_(temporary_, layout(windows_, top_k_),
              {{"schema", kSchema},
               {"model", what.model},
               {"ctx", std::to_string(windows_.ctx())},
               {"stride", std::to_string(windows_.stride())},
               {"top_k", std::to_string(top_k_)},
               {"vocab_size", std::to_string(source.vocab_size())}}) {
  writer_.write(kIds, std::as_bytes(ids.first(static_cast<size_t>(windows_.tokens()))));
}

void PredictionWriter::run_window(std::span<const int32_t> ids) {
  write_window();
  ++window_;
  ids_ = ids;
  source_.run_window(ids);
}

const float* PredictionWriter::logits(int64_t begin, int64_t rows) {
  const float* logits = source_.logits(begin, rows);
  const auto k = static_cast<size_t>(top_k_), before = nll_.size();
  const auto vocabulary = static_cast<size_t>(vocab_size());
  nll_.resize(before + static_cast<size_t>(rows));
  rest_.resize(nll_.size());
  top_ids_.resize(nll_.size() * k);
  log_probabilities_.resize(nll_.size() * k);
  pool_.parallel_for(rows, 1, [&](int64_t first, int64_t last) {
    for (auto r = static_cast<size_t>(first); r < static_cast<size_t>(last); ++r) {
      const std::span row(logits + r * vocabulary, vocabulary);
      const LogitSummary summary = summarize_logits(row);
      if (!summary.finite) continue;  // whoever asked for them refuses them
      const size_t at = before + r, next = static_cast<size_t>(begin) + r + 1;
      rest_[at] = take_top(row, summary, std::span(top_ids_).subspan(at * k, k),
                           std::span(log_probabilities_).subspan(at * k, k));
      if (next < ids_.size())
        nll_[at] = static_cast<float>(negative_log_likelihood(row, summary, ids_[next]));
    }
  });
  return logits;
}

void PredictionWriter::write_window() {
  if (window_ < 0) return;
  const WindowNames names(window_);
  writer_.write(names.ids, std::as_bytes(std::span(top_ids_)));
  writer_.write(names.log_probabilities, std::as_bytes(std::span(log_probabilities_)));
  writer_.write(names.rest, std::as_bytes(std::span(rest_)));
  writer_.write(names.nll, std::as_bytes(std::span(nll_)));
  top_ids_.clear();
  log_probabilities_.clear();
  rest_.clear();
  nll_.clear();
}

void PredictionWriter::commit() {
  write_window();
  writer_.commit();
  move_into_place(temporary_, path_);
}

bool SavedPredictions::is_one(const fs::path& path) {
  if (!fs::is_regular_file(path) || path.extension() == ".gguf") return false;
  try {
    const SafetensorsFile file = SafetensorsFile::open(path);
    const auto found = file.metadata().find("schema");
    return found != file.metadata().end() && found->second == kSchema;
  } catch (const Error&) {
    return false;
  }
}

SavedPredictions::SavedPredictions(const fs::path& path) : file_(SafetensorsFile::open(path)) {
  if (const auto model = file_.metadata().find("model"); model != file_.metadata().end())
    model_ = model->second;
  ctx_ = integer(file_, "ctx", 2);
  stride_ = integer(file_, "stride", 1);
  vocabulary_ = integer(file_, "vocab_size", 1);
  top_k_ = integer(file_, "top_k", 1);
  const Tensor ids = file_.tensor(kIds);
  if (ids.dtype() != DType::kI32 || ids.shape().size() != 1 || stride_ > ctx_ || top_k_ > vocabulary_ ||
      TextWindows(std::max<int64_t>(ids.shape()[0], 2), ctx_, stride_).tokens() != ids.shape()[0]) {
    throw Error(ErrorKind::kBadModel, file_.where(),
                fmt::format("tensor '{}' is {} {}, which are no whole windows of {} tokens every {}", kIds,
                            dtype_info(ids.dtype()).name, to_string(ids.shape()), ctx_, stride_));
  }
  const std::span<const int32_t> values = values_of<int32_t>(ids);
  ids_.assign(values.begin(), values.end());
}

Tensor SavedPredictions::tensor(const std::string& name, DType dtype, const Shape& shape) const {
  Tensor found = file_.tensor(name);
  if (found.dtype() == dtype && found.shape() == shape) return found;
  throw Error(ErrorKind::kBadModel, file_.where() + ":" + name,
              fmt::format("expected {} {}, found {} {}", dtype_info(dtype).name, to_string(shape),
                          dtype_info(found.dtype()).name, to_string(found.shape())));
}

void SavedPredictions::run_window(std::span<const int32_t> ids) {
  const TextWindows windows(std::ssize(ids_), ctx_, stride_);
  ++window_;
  if (window_ >= windows.count() || std::ssize(ids) != ctx_) {
    throw Error(ErrorKind::kFailure, file_.where(),
                fmt::format("window {} of {} tokens was not saved", window_ + 1, ids.size()));
  }
  const WindowNames names(window_);
  const int64_t rows = windows.compared(window_).count();
  first_ = windows.compared(window_).first;
  top_ids_ = tensor(names.ids, DType::kI32, {rows, top_k_});
  log_probabilities_ = tensor(names.log_probabilities, DType::kF32, {rows, top_k_});
  rest_ = tensor(names.rest, DType::kF32, {rows});
  nll_ = tensor(names.nll, DType::kF32, {rows});
  const auto check = [&](const std::string& name, bool good) {
    if (!good) throw Error(ErrorKind::kBadModel, file_.where() + ":" + name, "holds what no model predicts");
  };
  const auto possible = [](float v) { return v <= 1e-3f; };  // as rounding leaves them
  check(names.ids, std::ranges::all_of(values_of<int32_t>(top_ids_),
                                       [&](int32_t id) { return id >= 0 && id < vocabulary_; }));
  check(names.log_probabilities, std::ranges::all_of(values_of<float>(log_probabilities_), [&](float v) {
          return possible(v) && std::isfinite(v);
        }));
  check(names.rest, std::ranges::all_of(values_of<float>(rest_), possible));
  check(names.nll, std::ranges::all_of(values_of<float>(nll_),
                                       [&](float v) { return possible(-v) && std::isfinite(v); }));
}

void SavedPredictions::go_to(int64_t begin, int64_t rows) {
  row_ = begin - first_;
  if (row_ < 0 || row_ + rows > std::ssize(values_of<float>(nll_)))
    throw Error(ErrorKind::kFailure, file_.where(), fmt::format("position {} was not saved", begin));
}

ReferenceScore SavedPredictions::score(int64_t row, std::span<const float> logits,
                                       const LogitSummary& summary, int32_t next) const {
  const auto at = static_cast<size_t>(row_ + row), k = static_cast<size_t>(top_k_);
  const std::span ids = values_of<int32_t>(top_ids_).subspan(at * k, k);
  const std::span log_probabilities = values_of<float>(log_probabilities_).subspan(at * k, k);
  double sum = 0, others = 1;
  for (size_t i = 0; i < k; ++i) {
    const double log_p = log_probabilities[i],
                 log_q = static_cast<double>(logits[static_cast<size_t>(ids[i])]) - summary.log_sum_exp;
    sum += std::exp(log_p) * (log_p - log_q);
    others -= std::exp(log_q);
  }
  if (const double log_rest = values_of<float>(rest_)[at]; std::isfinite(log_rest)) {
    // Below this, `others` is nothing but rounding.
    others = std::max(others, std::numeric_limits<double>::epsilon());
    sum += std::exp(log_rest) * (log_rest - std::log(others));
  }
  return {.nll = next >= 0 ? static_cast<double>(values_of<float>(nll_)[at]) : 0.0,
          .kl = std::max(sum, 0.0),
          .same_top = ids[0] == summary.argmax};
}

}  // namespace fptq
