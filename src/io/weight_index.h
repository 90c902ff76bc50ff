// model.safetensors.index.json: which shard of a checkpoint holds which tensor.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace fptq {

// Tensor name -> file name, from the text of an index. Shards are plain *.safetensors names in the index's
// own folder: a path, "..", or a file of another kind is refused with Error(kBadModel). The "total_size" in
// its metadata is not looked at: public checkpoints carry wrong ones, and each shard proves its own size.
std::map<std::string, std::string> parse_weight_index(std::string_view text, const std::string& where);

}  // namespace fptq
