#include "quant/preset.h"

#include <array>

#include "quant/named_row.h"

namespace fptq {
namespace {

constexpr std::array kPresets = {Preset{"fast", 40, 0, 32}, Preset{"balanced", 200, 20, 64},
                                 Preset{"best", 500, 100, 128}};

}  // namespace

std::span<const Preset> presets() {
  return kPresets;
}

const Preset& find_preset(const std::string& name) {
  return find_row(kPresets, "preset", name);
}

}  // namespace fptq
