// One finished block on disk: the tensors that the result will hold of it, and how its linear layers are
// quantized.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "model/layout.h"
#include "tensor/linear_weights.h"

namespace fptq {

// How a linear layer is quantized, without its values.
struct LinearForm {
  WeightSpec weights;
  ActivationMode activation = ActivationMode::kFloat;
  bool activation_symmetric = true;
  CodeType activation_type = CodeType::kInteger;
  int activation_bits = 8;

  auto key() const {
    return std::tuple(weights.bits, weights.group_size, weights.symmetric, weights.type, weights.per_tensor,
                      weights.nested, activation, activation_symmetric, activation_type, activation_bits);
  }
};
using BlockForms = std::array<LinearForm, kAllLinears.size()>;

LinearForm form_of(const LinearWeights& linear);

// A tensor under the name that transformers gives it.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// `t` as `dtype` (F32, F16, BF16), rounded to nearest even; the same memory when nothing changes.
Tensor converted(const Tensor& t, DType dtype);

// The tensors of compressed-tensors' pack-quantized form (int-quantized for 8-bit integers with quantized
// inputs and for model.embed_tokens, float-quantized for FP8), or of bitsandbytes for NF4. Scales must be of
// `dtype` already and an input scale must survive it, or the file would hold another model than was computed:
// throws Error(kFailure).
std::vector<NamedTensor> linear_tensors(const std::string& module, const LinearWeights& linear, DType dtype);

// Whether weights of this form are stored a byte each, as they are: int-quantized or float-quantized.
bool is_stored_plain(const LinearForm& form);

// Writes the part durably under its final name.
void write_block_part(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const BlockForms& forms, const std::string& fingerprint);

struct BlockPart {
  SafetensorsFile file;
  BlockForms forms;
};
// A linear layer of a part as it was put: dense, or of integers (others are not read back: Error(kFailure)).
// Codes of 3 and 4 bits, and plain ones of 8, are mapped.
LinearWeights read_linear(const BlockPart& part, const std::string& module, const LinearForm& form);

// None when there is no part, or it is of another run, incomplete or damaged.
std::optional<BlockPart> read_block_part(const std::filesystem::path& path, const std::string& fingerprint);

}  // namespace fptq
