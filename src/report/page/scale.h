// From values to places along an axis.
#pragma once

#include <algorithm>
#include <cmath>

namespace fptq::report {

class Scale {
 public:
  static Scale linear(double low, double high, double from, double to) {
    return {low, high, from, to, false};
  }
  // `low` is positive.
  static Scale logarithmic(double low, double high, double from, double to) {
    return {std::log(low), std::log(high), from, to, true};
  }
  double operator()(double v) const {
    const double at = is_log_ ? std::log(v) : v;
    const double share = high_ > low_ ? (at - low_) / (high_ - low_) : 0.5;
    return from_ + std::clamp(share, 0.0, 1.0) * (to_ - from_);
  }

 private:
  Scale(double low, double high, double from, double to, bool is_log)
      : low_(low), high_(high), from_(from), to_(to), is_log_(is_log) {}
  double low_, high_, from_, to_;
  bool is_log_;
};

// Whole powers of ten around positive values: an axis that ends in a label.
inline double decade_below(double v) {
  return std::pow(10.0, std::floor(std::log10(v) + 1e-9));
}
inline double decade_above(double v) {
  return std::pow(10.0, std::ceil(std::log10(v) - 1e-9));
}

}  // namespace fptq::report
