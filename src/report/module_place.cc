#include "report/module_place.h"

#include <charconv>

namespace fptq::report {

ModulePlace module_place(const std::string& module) {
  const std::string kLayers = "layers.";
  ModulePlace place{.name = module.substr(module.rfind('.') + 1)};
  const size_t at = module.find(kLayers);
  if (at == std::string::npos) return place;
  const char* begin = module.data() + at + kLayers.size();
  int64_t layer = 0;
  const auto [end, error] = std::from_chars(begin, module.data() + module.size(), layer);
  if (error == std::errc() && layer >= 0) place.layer = layer;
  return place;
}

}  // namespace fptq::report
