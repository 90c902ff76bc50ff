// Observers: which range one scale for all tokens is to cover. A wide one rounds everything coarsely, a
// narrow one cuts off what is rare.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "quant/observer.h"
#include "tensor/linear_weights.h"

namespace fptq {

enum class RangeObserver : uint8_t {
  kMinMax,      // all that was seen
  kPercentile,  // all but the largest of the sampled values
  kMse,         // what leaves the least error in the sampled values
};

struct RangeOptions {
  RangeObserver observer = RangeObserver::kMinMax;
  double percentile = 99.99;  // kPercentile: share of the values that is covered, 0..100

  bool needs_sample() const { return observer != RangeObserver::kMinMax; }
};

std::vector<std::string> range_observer_names();
// "minmax", "percentile" or "mse"; throws Error(kUsage).
RangeObserver find_range_observer(const std::string& name);

// The reach r >= 0 of a symmetric range -r..r for x / scales (no scales: x), to be held in codes of `form`'s
// type and bits with the scale r / largest_code(form):
//   kMinMax      the largest |x / s| of all tokens
//   kPercentile  that percentile of the sampled |x / s|, between two of them as numpy.percentile does
//   kMse         of the largest sampled |x / s| times 1.00, 0.99 .. 0.81 the one that leaves the least sum of
//                |x' - x|^2.4, the search ending when five in a row are no better. These are the numbers of
//                llm-compressor's memoryless_mse observer, whose steps are r / 127.5.
// The sample is needed by the last two. The same for any number of threads.
float observed_reach(const ActivationStatistics& statistics, std::span<const float> scales,
                     const RangeOptions& options, const ActivationSpec& form, ThreadPool& pool);

// The largest code of a symmetric `form`, as a number: 7, 127, or 448 for E4M3.
float largest_code(const ActivationSpec& form);

}  // namespace fptq
