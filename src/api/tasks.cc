#include "fptq/tasks.h"

#include "api/engine.h"
#include "api/kv_names.h"
#include "api/model_identity.h"
#include "tasks/run_tasks.h"

namespace fptq {

TasksResult evaluate_tasks(const std::string& model, const TaskOptions& options, Progress& progress) {
  check_options(options);
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
