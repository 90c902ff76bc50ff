// YAML from files that people write, on yaml-cpp: one document of maps, lists and scalars, every part with
// its line. Duplicate keys, anchors, aliases and tags are errors: a recipe needs none of them, and aliases
// can make a small file unboundedly large.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fptq {

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  int line = 0;         // from 1
  std::string scalar;   // as written, quotes and escapes resolved
  bool quoted = false;  // a quoted scalar is a string, whatever it looks like
  std::vector<YamlNode> items;
  std::vector<std::pair<std::string, YamlNode>> members;  // in the order of the file
};

// The only document of `text`; an empty one is a null node. Throws Error(kBadModel, "where:line") for what is
// not YAML or not of the kind above, and for more than `max_bytes`.
YamlNode parse_yaml(std::string_view text, const std::string& where, size_t max_bytes = size_t{1} << 20);

}  // namespace fptq
