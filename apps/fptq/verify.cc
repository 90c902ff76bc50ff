#include "fptq/verify.h"

#include "common_options.h"
#include "console.h"
#include "fptq/error.h"
#include "fptq/report.h"

namespace fptq::app {

int run_verify(const Arguments& args) {
  std::string directory;
  bool json = false;
  CommandLine line(
      "verify", "fptq verify ./out",
      "Re-checks checksums and structure of a model that fptq wrote; exit code 6 when they do not match.");
  line.positional("OUT", directory, "directory that fptq quantize wrote");
  add_json(line, json);
  if (!line.parse(args)) return 0;

  const VerifyReport report = verify(directory);
  print(json ? to_json(report) : to_text(report));
  if (report.ok()) return 0;
  flush_results();
  throw Error(ErrorKind::kVerification, directory, "is not as it was written: " + report.problems.front());
}

}  // namespace fptq::app
