#include "fptq/tasks.h"

#include <fmt/format.h>

#include "api/engine.h"
#include "api/kv_names.h"
#include "formats/checkpoint_identity.h"
#include "fptq/error.h"
#include "kernels/isa.h"
#include "tasks/run_tasks.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;

// Weights and how they run: float kernels round differently on other instruction sets.
std::string model_identity(const fs::path& path) {
  if (fs::is_directory(path)) {
    return fmt::format("{} {}", checkpoint_identity(path), kernels::isa_name(kernels::active_isa()));
  }
  return fmt::format("{} {} {} {}", path.filename().string(), fs::file_size(path),
                     fs::last_write_time(path).time_since_epoch().count(),
                     kernels::isa_name(kernels::active_isa()));
}

}  // namespace

TasksResult evaluate_tasks(const std::string& model, const TaskOptions& options, Progress& progress) {
  if (options.tasks.empty()) throw Error(ErrorKind::kUsage, "--tasks", "names no task");
  if (options.num_fewshot < 0 || options.limit < 0)
    throw Error(ErrorKind::kUsage, options.limit < 0 ? "--limit" : "--num-fewshot", "is negative");
  const double start = seconds_now();
  const auto pool = make_pool(options.threads);
  Engine engine(model, *pool);
  const KvType kv = kv_type(options.kv, engine.checkpoint);
  TasksResult result =
      run_tasks(*engine.model, *engine.checkpoint.tokenizer, kv, model_identity(model), options, progress);
  result.model = model;
  result.num_fewshot = options.num_fewshot;
  result.limit = options.limit;
  result.seed = options.seed;
  result.seconds = seconds_now() - start;
  result.peak_rss_bytes = peak_rss_bytes();
  return result;
}

}  // namespace fptq
