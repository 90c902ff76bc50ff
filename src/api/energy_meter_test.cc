#include "api/energy_meter.h"

#include <gtest/gtest.h>

#include "temp_folder.h"

namespace fptq {
namespace {

TEST(EnergyMeter, AddsUpPackagesAndSeesACounterTurn) {
  TempFolder folder;
  const auto set = [&](const char* zone, const char* energy) {
    std::filesystem::create_directories(folder / zone);
    folder.write(std::string(zone) + "/energy_uj", energy);
    folder.write(std::string(zone) + "/max_energy_range_uj", "1000000\n");
  };
  set("intel-rapl:0", "900000\n");
  set("intel-rapl:1", "5\n");
  set("intel-rapl:0:0", "7\n");  // a part of package 0
  const auto meter = EnergyMeter::in(folder / "");
  ASSERT_TRUE(meter);
  const EnergyMeter::Reading before = meter->read();
  set("intel-rapl:0", "100000\n");
  set("intel-rapl:1", "500005\n");
  set("intel-rapl:0:0", "999999\n");
  EXPECT_DOUBLE_EQ(meter->joules(before, meter->read()), 0.2 + 0.5);
}

TEST(EnergyMeter, IsNoneWithoutReadableCounters) {
  TempFolder folder;
  EXPECT_FALSE(EnergyMeter::in(folder / "missing"));
  EXPECT_FALSE(EnergyMeter::in(folder / ""));
  std::filesystem::create_directories(folder / "intel-rapl:0");
  folder.write("intel-rapl:0/energy_uj", "");
  folder.write("intel-rapl:0/max_energy_range_uj", "1");
  EXPECT_FALSE(EnergyMeter::in(folder / ""));
}

}  // namespace
}  // namespace fptq
