// Raw logits, for comparing this engine with others (scripts/interop.sh).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fptq {

// Runs `ids` as one sequence through `model` and writes the logits of every position to `out_path`:
// little-endian float32 [ids, vocabulary], nothing else. `kv` is "auto" or one of kv_names(); threads 0 means
// all cores.
void write_logits(const std::string& model, const std::vector<int32_t>& ids, const std::string& out_path,
                  const std::string& kv, int threads);

}  // namespace fptq
