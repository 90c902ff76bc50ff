#include <fmt/format.h>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/machine.h"
#include "report/table.h"
#include "report/text.h"

namespace fptq {
namespace {

using namespace report;

std::string size_or_unknown(uint64_t count) {
  return count == 0 ? "unknown" : bytes(count);
}

std::string facts_text(const MachineFacts& machine) {
  Table facts({{""}, {""}});
  facts.add({"cpu", machine.cpu.empty() ? "unknown" : machine.cpu});
  facts.add({"cores", fmt::format("{}, {} usable", machine.cores, machine.usable_cores)});
  facts.add({"caches", fmt::format("L1d {}, L2 {}, L3 {}", size_or_unknown(machine.l1d_bytes),
                                   size_or_unknown(machine.l2_bytes), size_or_unknown(machine.l3_bytes))});
  facts.add({"memory", fmt::format("{}, {} available", size_or_unknown(machine.memory_bytes),
                                   size_or_unknown(machine.available_memory_bytes))});
  facts.add({"features", fmt::format("{}", fmt::join(machine.cpu_features, " "))});
  facts.add({"instruction set", fmt::format("{} of {}; FPTQ_ISA chooses another", machine.isa,
                                            fmt::join(machine.supported_isas, ", "))});
  return facts.render();
}

}  // namespace

std::string to_json(const DoctorReport& report) {
  Json json = document("fptq.doctor.v1");
  json["machine"] = machine_members(report.machine);
  json["kernels"] = Json::array();
  for (const KernelChoice& k : report.kernels) {
    json["kernels"].push_back({{"kernel", k.kernel}, {"isa", k.isa}, {"work", k.work}});
  }
  Json limits = Json::array();
  for (const MeasuredLimits& l : report.limits) {
    limits.push_back({{"threads", l.threads},
                      {"dram_read_gb_per_s", l.dram_read_gb_per_s},
                      {"int8_tops", l.int8_tops},
                      {"fp32_gflops", l.fp32_gflops}});
  }
  json["timing"] = {{"available_memory_bytes", report.machine.available_memory_bytes},
                    {"limits", std::move(limits)}};
  return dump(json);
}

std::string to_text(const DoctorReport& report) {
  using Align = Table::Align;
  Table kernels({{"kernel"}, {"runs on"}, {"for"}});
  for (const KernelChoice& k : report.kernels) kernels.add({k.kernel, k.isa, k.work});
  std::string out = facts_text(report.machine) + "\n" + kernels.render();
  if (report.limits.empty()) return out;

  Table limits({{"threads", Align::kRight},
                {"DRAM read, GB/s", Align::kRight},
                {"INT8 dot, TOPS", Align::kRight},
                {"FP32 FMA, GFLOP/s", Align::kRight}});
  for (const MeasuredLimits& l : report.limits) {
    limits.add({fmt::format("{}", l.threads), fixed(l.dram_read_gb_per_s, 1),
                l.int8_tops > 0 ? fixed(l.int8_tops, 3) : "-", fixed(l.fp32_gflops, 0)});
  }
  return out + "\n" + limits.render();
}

}  // namespace fptq
