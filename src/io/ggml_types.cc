#include "io/ggml_types.h"

#include <fmt/format.h>

#include <array>

#include "fptq/error.h"

namespace fptq {
namespace {

// ggml.h, enum ggml_type; null where a number is not or no longer used.
constexpr std::array<const char*, 42> kNames = {
    "F32",   "F16",    "Q4_0",  "Q4_1",  nullptr, nullptr,   "Q5_0",   "Q5_1",    "Q8_0",  "Q8_1",   "Q2_K",
    "Q3_K",  "Q4_K",   "Q5_K",  "Q6_K",  "Q8_K",  "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S",
    "IQ2_S", "IQ4_XS", "I8",    "I16",   "I32",   "I64",     "F64",    "IQ1_M",   "BF16",  nullptr,  nullptr,
    nullptr, "TQ1_0",  "TQ2_0", nullptr, nullptr, nullptr,   "MXFP4",  "NVFP4",   "Q1_0",
};

}  // namespace

DType ggml_dtype(uint32_t id, const std::string& where) {
  const char* name = id < kNames.size() ? kNames[id] : nullptr;
  if (name == nullptr) throw Error(ErrorKind::kBadModel, where, fmt::format("unknown type {}", id));
  if (const DTypeInfo* info = find_dtype(name)) return info->dtype;
  throw Error(ErrorKind::kBadModel, where, fmt::format("type {} cannot be read", name),
              "supported are F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K");
}

}  // namespace fptq
