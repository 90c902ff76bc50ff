#include <fmt/format.h>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/text.h"

namespace fptq {

std::string to_json(const VerifyReport& report) {
  Json json = report::document("fptq.verify.v1");
  json["ok"] = report.ok();
  json["files"] = report.files;
  json["tensors"] = report.tensors;
  json["bytes"] = report.bytes;
  json["problems"] = report.problems;
  return report::dump(json);
}

std::string to_text(const VerifyReport& result) {
  using namespace report;
  std::string out;
  for (const std::string& problem : result.problems) out += fmt::format("problem: {}\n", printable(problem));
  out += result.ok() ? fmt::format("ok: {}, {}, {}\n", times(result.files, "file"),
                                   times(result.tensors, "tensor"), bytes(result.bytes))
                     : fmt::format("{} found in {}\n", times(std::ssize(result.problems), "problem"),
                                   times(result.files, "file"));
  return out;
}

}  // namespace fptq
