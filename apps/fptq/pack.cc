#include "fptq/pack.h"

#include "common_options.h"
#include "console.h"
#include "fptq/error.h"
#include "fptq/report.h"

namespace fptq::app {

int run_pack(const Arguments& args) {
  std::string model;
  PackOptions options;
  bool json = false;
  CommandLine line(
      "pack", "fptq pack ./out",
      "Makes the packed copy that a W4A8 model is run from, beside it. Without this the first run "
      "makes it;\nFPTQ_NO_PACK_CACHE=1 in the environment forbids that, and the use of copies.");
  line.positional("MODEL", model, "directory of a quantized model");
  line.text("--isa", "NAME", options.isa,
            "pack for avx2, avx512vnni, portable or all; default: what this machine uses");
  line.flag("--check", options.check,
            "make nothing; compare the copy with its checksums, exit code 6 if wrong");
  add_json(line, json);
  add_threads(line, options.threads);
  if (!line.parse(args)) return 0;

  const PackReport report = pack(model, options);
  print(json ? to_json(report) : to_text(report));
  if (report.ok()) return 0;
  flush_results();
  throw Error(ErrorKind::kVerification, model, "has no whole packed copy", "make it: fptq pack " + model);
}

}  // namespace fptq::app
