#include "eval/recorded_logits.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file_io.h"
#include "fptq/error.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

constexpr const char* kKey = "key";

std::string window_name(int64_t index) {
  return fmt::format("window.{:06}", index);
}

}  // namespace

void record_hidden(Model& model, std::span<const int32_t> ids, int64_t ctx, KvType kv, const fs::path& path,
                   const std::string& key, Progress& progress) {
  const int64_t width = model.config().hidden_size;
  ctx = std::min(ctx, std::ssize(ids));
  const int64_t windows = std::ssize(ids) / ctx;
  std::vector<TensorInfo> tensors;
  for (int64_t w = 0; w < windows; ++w) tensors.push_back({window_name(w), DType::kF32, {ctx, width}});
  fs::path temporary = path;
  temporary += ".tmp";
  SafetensorsWriter writer(temporary, tensors, {{kKey, key}});
  KvCache cache = model.make_cache(kv);
  progress.begin("run the original", windows * ctx);
  for (int64_t w = 0; w < windows; ++w) {
    progress.update(w * ctx, fmt::format("window {} of {}", w + 1, windows));
    cache.truncate(0);
    const SequenceInput input{ids.subspan(static_cast<size_t>(w * ctx), static_cast<size_t>(ctx)), &cache};
    model.forward({&input, 1});
    writer.write(window_name(w), std::as_bytes(std::span(model.hidden(), static_cast<size_t>(ctx * width))));
  }
  progress.end();
  writer.commit();
  move_into_place(temporary, path);
}

bool is_recorded(const fs::path& path, const std::string& key) {
  if (!fs::exists(path)) return false;
  try {
    const SafetensorsFile file = SafetensorsFile::open(path);
    const auto found = file.metadata().find(kKey);
    return found != file.metadata().end() && found->second == key;
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::kBadModel) return false;  // cut off or damaged: as good as none
    throw;
  }
}

RecordedLogits::RecordedLogits(const fs::path& path, Backend& backend, LinearWeights head)
    : file_(SafetensorsFile::open(path)),
      backend_(backend),
      vocabulary_(head.rows),
      width_(head.cols),
      head_(backend.load_linear(std::move(head))) {}

void RecordedLogits::run_window(std::span<const int32_t> ids) {
  const std::string name = window_name(next_);
  const Tensor tensor = file_.tensor(name);
  if (tensor.shape() != Shape{std::ssize(ids), width_}) {
    throw Error(ErrorKind::kFailure, name,
                fmt::format("the recording has {}, expected {}", to_string(tensor.shape()),
                            to_string({std::ssize(ids), width_})));
  }
  hidden_ = tensor.to_floats();
  file_.release(name);
  ++next_;
}

const float* RecordedLogits::logits(int64_t begin, int64_t rows) {
  logits_.ensure(static_cast<size_t>(rows * vocabulary_));
  const LoadedLinear* head = head_.get();
  float* out = logits_.data();
  backend_.linear(std::span(&head, 1), hidden_.data() + begin * width_, rows,
                  std::span<float* const>(&out, 1));
  return logits_.data();
}

}  // namespace fptq
