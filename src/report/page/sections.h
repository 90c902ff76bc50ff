// The sections of the HTML page, from the top. Each is markup, or empty where there is nothing to show.
#pragma once

#include <cstdint>
#include <string>

#include "fptq/run_report.h"

namespace fptq::report {

// Charts that stand alone are drawn in both widths, panels in one that fits a phone.
inline constexpr double kWide = 1080, kNarrow = 352, kPanel = 352;

std::string verdict_section(const RunReport& report);
std::string runs_section(const RunReport& report);    // figures of all runs, size against loss, speed
std::string layers_section(const RunReport& report);  // where it is lost
std::string inputs_section(const RunReport& report);  // of the run that the verdict is about
// The tables of one run, layer by layer.
std::string run_details(const RunReport& report, const Run& run);

// A file that says it has a millionth layer gets no picture of it.
inline constexpr int64_t kMostLayers = 1000;
inline bool is_drawn(int64_t layer) {
  return layer >= 0 && layer < kMostLayers;
}
bool is_focus(const RunReport& report, const Run& run);

}  // namespace fptq::report
