// The rules behind the verdict, one function each. docs/report.md tells them to users.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fptq/run_report.h"

namespace fptq::report {

const char* grade_name(Grade grade);   // "close"
std::string grade_words(Grade grade);  // "close to the original"

// Runs with a divergence that no other run beats: none takes at most as many bits for less of it.
std::vector<const Run*> undominated(const RunReport& report);

// The run that advice is about: of those within half a bit of the fewest bits, the one of the least
// divergence; without divergences, the first whose layers are known. Null when there is none.
const Run* focus_of(const RunReport& report);

// Of `sensitivities` the one of the run's method and, where it is known, scheme; or null.
const SensitivityResult* sensitivity_for(const RunReport& report, const Run& run);

// Layers below 8 bits with the largest share of the sum of single divergences, each at least twice its even
// share: until they carry three tenths, five at most. What 8 bits would cost, and at most gain.
std::optional<Advice> advice_by_sensitivity(const Run& run, const SensitivityResult& sensitivity);
// The same by how much each block adds to the noise at its output, blocks instead of layers, three at most.
std::optional<Advice> advice_by_blocks(const Run& run);
// Static inputs whose largest token is far beyond the others: a scale per token costs no bits.
std::optional<Advice> advice_on_static_inputs(const Run& run);
// Layers that clip more than a hundredth of their weights: zero points.
std::optional<Advice> advice_on_clipping(const Run& run);

}  // namespace fptq::report
