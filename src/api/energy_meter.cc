#include "api/energy_meter.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <system_error>

namespace fptq {
namespace fs = std::filesystem;
namespace {

std::optional<uint64_t> number_in(const fs::path& path) {
  std::ifstream file(path);
  uint64_t value = 0;
  if (!(file >> value)) return std::nullopt;
  return value;
}

// "intel-rapl:0": a package. Zones below one have a second colon, and so would be counted twice.
bool is_package(const std::string& name) {
  return name.starts_with("intel-rapl:") && std::count(name.begin(), name.end(), ':') == 1;
}

}  // namespace

std::optional<EnergyMeter> EnergyMeter::in(const fs::path& powercap) {
  EnergyMeter meter;
  std::error_code ec;
  for (fs::directory_iterator entry(powercap, ec), end; !ec && entry != end; entry.increment(ec)) {
    if (!is_package(entry->path().filename().string())) continue;
    const auto range = number_in(entry->path() / "max_energy_range_uj");
    if (!range || !number_in(entry->path() / "energy_uj")) return std::nullopt;
    meter.packages_.push_back({entry->path() / "energy_uj", *range});
  }
  if (meter.packages_.empty()) return std::nullopt;
  return meter;
}

EnergyMeter::Reading EnergyMeter::read() const {
  Reading reading;
  for (const Package& package : packages_) reading.push_back(number_in(package.counter).value_or(0));
  return reading;
}

double EnergyMeter::joules(const Reading& before, const Reading& after) const {
  double sum = 0;
  for (size_t i = 0; i < packages_.size(); ++i) {
    const uint64_t turned = after[i] < before[i] ? packages_[i].range : 0;
    sum += static_cast<double>(turned + after[i] - before[i]) * 1e-6;
  }
  return sum;
}

}  // namespace fptq
