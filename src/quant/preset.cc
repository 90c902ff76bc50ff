#include "quant/preset.h"

#include <array>

#include "quant/named_row.h"

namespace fptq {
namespace {

// 2e-3 ends closer than 1e-3 after 20 steps, and closer still after 100.
constexpr std::array kPresets = {Preset{"fast", 40, 0, 0.0, 32}, Preset{"balanced", 200, 20, 2e-3, 64},
                                 Preset{"best", 500, 100, 2e-3, 128}};

}  // namespace

std::span<const Preset> presets() {
  return kPresets;
}

const Preset& find_preset(const std::string& name) {
  return find_row(kPresets, "preset", name);
}

}  // namespace fptq
