#include "fptq/doctor.h"

#include "common_options.h"
#include "console.h"
#include "fptq/report.h"

namespace fptq::app {

int run_doctor(const Arguments& args) {
  DoctorOptions options;
  bool quick = false, json = false;
  CommandLine line(
      "doctor", "fptq doctor",
      "Shows this machine, the instruction set and kernels chosen for it, and measures what it can\n"
      "do at most. FPTQ_ISA=avx2 (and others) chooses another instruction set.");
  line.integers("-t,--threads", options.threads, 1, 1024, "measure with so many; without it, 1, 2, 4 ...");
  line.flag("--quick", quick, "measure nothing");
  add_json(line, json);
  if (!line.parse(args)) return 0;
  line.exclude("--quick", "--threads", "nothing is measured");
  options.measure = !quick;

  const DoctorReport report = doctor(options);
  print(json ? to_json(report) : to_text(report));
  return 0;
}

}  // namespace fptq::app
