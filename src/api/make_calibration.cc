#include "api/make_calibration.h"

#include "api/engine.h"
#include "model/forward.h"
#include "quant/own_text.h"

namespace fptq {

CalibrationData make_calibration(const Checkpoint& source, const CalibrationOptions& options,
                                 ThreadPool& pool, Progress& progress) {
  const ModelConfig& config = source.weights->config();
  if (options.source != kOwnText) return load_calibration(options, *source.tokenizer, config);
  check_calibration(options, config);
  const auto backend = make_cpu_backend(pool);
  Model model(*backend, *source.weights);
  return {write_windows(model, ordinary_ids(*source.tokenizer, config), options, progress), {}};
}

}  // namespace fptq
