// Energy of the processor packages, from the counters that Linux makes readable below /sys/class/powercap
// (RAPL: Intel, and AMD since Zen). Often readable by root alone, and absent in most virtual machines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace fptq {

class EnergyMeter {
 public:
  using Reading = std::vector<uint64_t>;  // microjoules of each package

  // None where there are no counters or they cannot be read.
  static std::optional<EnergyMeter> of_this_machine() { return in("/sys/class/powercap"); }
  static std::optional<EnergyMeter> in(const std::filesystem::path& powercap);

  // A counter that has become unreadable reads 0.
  Reading read() const;
  // Between two readings, which lie less than one turn of a counter apart (minutes under full load).
  double joules(const Reading& before, const Reading& after) const;

 private:
  struct Package {
    std::filesystem::path counter;
    uint64_t range = 0;  // where it begins again at 0
  };
  std::vector<Package> packages_;
};

}  // namespace fptq
