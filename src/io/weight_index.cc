#include "io/weight_index.h"

#include <fmt/format.h>

#include "base/json.h"
#include "fptq/error.h"
#include "io/printable.h"
#include "io/safetensors_header.h"

namespace fptq {
namespace {

[[noreturn]] void bad(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::kBadModel, where, what);
}

void expect_plain_name(const std::string& shard, const std::string& where) {
  if (shard.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos || shard.starts_with("..")) {
    bad(where, fmt::format("shard \"{}\" is a path, expected the name of a file beside the index",
                           printable(shard)));
  }
  if (!shard.ends_with(".safetensors")) {
    bad(where, fmt::format("shard \"{}\" is no safetensors file", printable(shard)));
  }
}

}  // namespace

std::map<std::string, std::string> parse_weight_index(std::string_view text, const std::string& where) {
  const Json root = parse_json(text, where);
  const Json* map = json_find(root, "weight_map");
  if (map == nullptr || !map->is_object()) {
    bad(where + ":weight_map",
        fmt::format("expected an object, found {}", map == nullptr ? "nothing" : map->type_name()));
  }
  if (map->empty()) bad(where + ":weight_map", "names no tensors");
  std::map<std::string, std::string> shards;
  for (const auto& [name, shard] : map->items()) {
    const std::string entry = where_in(where + ":weight_map", name);
    if (const std::string why = bad_tensor_name(name); !why.empty()) bad(entry, why);
    if (!shard.is_string()) bad(entry, fmt::format("expected a file name, found {}", shard.type_name()));
    expect_plain_name(shard.get_ref<const std::string&>(), entry);
    shards.emplace(name, shard.get<std::string>());
  }
  return shards;
}

}  // namespace fptq
