// The peak of this process's memory over a stretch of its life.
#pragma once

#include <cstdint>

namespace fptq {

// Gives freed memory back to the system and lets peak_rss_since_reset() begin anew from what is resident now.
// Where the system does not allow that (Linux before 4.0, some containers), the peak stays that of the
// process.
void reset_peak_rss();
uint64_t peak_rss_since_reset();

}  // namespace fptq
