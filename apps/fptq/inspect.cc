#include "fptq/inspect.h"

#include "command_line.h"
#include "common_options.h"
#include "console.h"
#include "fptq/report.h"

namespace fptq::app {

int run_inspect(const Arguments& args) {
  std::string model;
  bool no_values = false, json = false;
  CommandLine line("inspect", "fptq inspect ./out", "Shows a model's tensors, schemes, sizes and ranges.");
  line.positional("MODEL", model, "Hugging Face directory or GGUF file");
  line.flag("--no-values", no_values, "read headers only, not the values: no ranges");
  add_json(line, json);
  if (!line.parse(args)) return 0;

  const ModelSummary summary = inspect(model, !no_values);
  print(json ? to_json(summary) : to_text(summary));
  return 0;
}

}  // namespace fptq::app
