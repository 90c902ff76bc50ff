#include "api/make_calibration.h"

#include "api/engine.h"
#include "model/forward.h"
#include "quant/own_text.h"
#include "quant/settings.h"

namespace fptq {

CalibrationData make_calibration(const Checkpoint& source, const QuantizeOptions& options, ThreadPool& pool,
                                 Progress& progress) {
  const ModelConfig& config = source.weights->config();
  const CalibrationOptions calibration = calibration_options(options);
  if (calibration.source != kOwnText) return load_calibration(calibration, *source.tokenizer, config);
  check_calibration(calibration, config);
  const auto backend = make_cpu_backend(pool);
  Model model(*backend, *source.weights);
  return {write_windows(model, ordinary_ids(*source.tokenizer, config), calibration, progress), {}};
}

}  // namespace fptq
