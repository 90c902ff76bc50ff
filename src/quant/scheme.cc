#include "quant/scheme.h"

#include <array>

#include "quant/named_row.h"

namespace fptq {
namespace {

constexpr WeightSpec kInt3{.bits = 3}, kInt4{.bits = 4}, kInt8{.bits = 8};
constexpr WeightSpec kInt4By32{.bits = 4, .group_size = 32};
constexpr WeightSpec kE4M3{.bits = 8, .type = CodeType::kFloat8E4M3},
    kE5M2{.bits = 8, .type = CodeType::kFloat8E5M2};
constexpr WeightSpec kNf4{.bits = 4, .group_size = 64, .type = CodeType::kNormalFloat4, .nested = true};

constexpr ActivationSpec kInt8Input{}, kInt4Input{.bits = 4}, kFp8Input{.type = CodeType::kFloat8E4M3};

constexpr auto kByMethod = ActivationForm::kByMethod, kFloat = ActivationForm::kFloat,
               kToken = ActivationForm::kToken, kStatic = ActivationForm::kStatic;

constexpr const char* kInt4InputsWarning =
    "4-bit inputs with one scale for all tokens destroy language models; w4a8 is as small";
constexpr const char* kE5M2Warning =
    "no other program is known to read E5M2 weights; fp8-a16 is as small and more accurate";

constexpr std::array kSchemes = {
    Scheme{"w4a8", "4-bit weights, 8-bit inputs as the method decides", kInt4, kByMethod},
    Scheme{"w4a8-llama",
           "as Meta ships Llama 3.2: 4-bit weights in groups of 32, a scale per token, 8-bit embeddings and "
           "head",
           kInt4By32, kToken, kInt8Input, nullptr, "int8", "int8"},
    Scheme{"w4a8-token", "4-bit weights, 8-bit inputs with a scale per token", kInt4, kToken},
    Scheme{"w4a8-static", "4-bit weights, 8-bit inputs with one scale each", kInt4, kStatic},
    Scheme{"w4a16", "4-bit weights, inputs as they are", kInt4, kFloat},
    Scheme{"w8a8", "8-bit weights, 8-bit inputs as the method decides", kInt8, kByMethod},
    Scheme{"w8a8-token", "8-bit weights, 8-bit inputs with a scale per token", kInt8, kToken},
    Scheme{"w8a8-static", "8-bit weights, 8-bit inputs with one scale each", kInt8, kStatic},
    Scheme{"w8a16", "8-bit weights, inputs as they are", kInt8, kFloat},
    Scheme{"w3a8", "3-bit weights, 8-bit inputs as the method decides", kInt3, kByMethod},
    Scheme{"w3a16", "3-bit weights, inputs as they are", kInt3, kFloat},
    Scheme{"w4a4-static", "4-bit weights, 4-bit inputs with one scale each", kInt4, kStatic, kInt4Input,
           kInt4InputsWarning},
    Scheme{"fp8", "FP8 (E4M3) weights, FP8 inputs with a scale per token", kE4M3, kToken, kFp8Input},
    Scheme{"fp8-static", "FP8 (E4M3) weights, FP8 inputs with one scale each", kE4M3, kStatic, kFp8Input},
    Scheme{"fp8-a16", "FP8 (E4M3) weights, inputs as they are", kE4M3, kFloat},
    Scheme{"fp8-e5m2-a16", "FP8 (E5M2) weights, inputs as they are", kE5M2, kFloat, {}, kE5M2Warning},
    Scheme{"nf4", "NF4 weights with quantized scales (bitsandbytes), inputs as they are", kNf4, kFloat},
};

}  // namespace

std::span<const Scheme> schemes() {
  return kSchemes;
}

const Scheme& find_scheme(const std::string& name) {
  return find_row(kSchemes, "scheme", name);
}

}  // namespace fptq
