#include "api/kv_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "fptq/error.h"

namespace fptq {
namespace {

struct KvName {
  const char* name;
  KvType type;
};
constexpr KvName kNames[] = {
    {"f32", KvType::kFloat}, {"f16", KvType::kHalf}, {"int8", KvType::kInt8}, {"fp8", KvType::kFloat8}};

}  // namespace

KvType kv_type(const std::string& name, const Checkpoint& checkpoint) {
  check_kv_name(name);
  if (name == "auto") return checkpoint.kv;
  return std::ranges::find(kNames, name, &KvName::name)->type;
}

void check_kv_name(const std::string& name) {
  if (name == "auto" || std::ranges::count(kNames, name, &KvName::name) > 0) return;
  throw Error(ErrorKind::kUsage, "--kv",
              fmt::format("\"{}\" is none of auto, {}", name, fmt::join(kv_names(), ", ")));
}

std::string kv_name(KvType type) {
  return std::ranges::find(kNames, type, &KvName::type)->name;
}

std::vector<std::string> kv_names() {
  std::vector<std::string> names;
  for (const KvName& kv : kNames) names.emplace_back(kv.name);
  return names;
}

}  // namespace fptq
