// Names of the forms of a KV cache, as options and reports use them.
#pragma once

#include <string>

#include "backend/backend.h"
#include "formats/checkpoint.h"
#include "fptq/kv_cache.h"

namespace fptq {

// Throws Error(kUsage, "--kv") for other names than kv_names() and "auto", which is what `checkpoint` asks
// for.
KvType kv_type(const std::string& name, const Checkpoint& checkpoint);
// Throws the same.
void check_kv_name(const std::string& name);

std::string kv_name(KvType type);

}  // namespace fptq
