#include <fmt/format.h>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/text.h"

namespace fptq {

std::string to_json(const PackReport& report) {
  Json json = report::document("fptq.pack.v1");
  json["ok"] = report.ok();
  json["copies"] = Json::array();
  for (const PackedCopy& copy : report.copies) {
    json["copies"].push_back({{"isa", copy.isa},
                              {"path", copy.path},
                              {"bytes", copy.bytes},
                              {"layers", copy.layers},
                              {"made", copy.made},
                              {"timing", {{"seconds", copy.seconds}}},
                              {"problem", copy.problem}});
  }
  return report::dump(json);
}

std::string to_text(const PackReport& result) {
  using namespace report;
  std::string out;
  for (const PackedCopy& copy : result.copies) {
    if (copy.problem.empty()) {
      out += fmt::format("{}: {}, {}, {} in {:.2f} s\n", printable(copy.path), times(copy.layers, "layer"),
                         bytes(copy.bytes), copy.made ? "made" : "found whole", copy.seconds);
    } else {
      out += fmt::format("problem: {}\n", printable(copy.problem));
    }
  }
  return out;
}

}  // namespace fptq
