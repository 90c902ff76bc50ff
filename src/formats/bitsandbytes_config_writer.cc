#include "formats/bitsandbytes_config_writer.h"

#include <algorithm>

#include "fptq/error.h"

namespace fptq {
namespace {

bool is_nf4(const LinearForm& form) {
  return !form.weights.dense() && form.weights.type == CodeType::kNormalFloat4;
}

// Checks that all NF4 layers are of one kind, and that there is nothing else but dense ones.
class OneForm {
 public:
  void add(const LinearForm& form) {
    if (form.weights.dense()) return;
    if (!is_nf4(form) || (spec_ && *spec_ != form.weights)) {
      throw Error(ErrorKind::kFailure, "quantization_config",
                  "NF4 cannot be mixed with other forms in one model (an internal error)");
    }
    spec_ = form.weights;
  }
  const WeightSpec& spec() const { return *spec_; }

 private:
  std::optional<WeightSpec> spec_;
};

}  // namespace

bool has_nf4(std::span<const BlockForms> blocks, const std::optional<LinearForm>& head) {
  return (head && is_nf4(*head)) || std::ranges::any_of(blocks, [](const BlockForms& forms) {
           return std::ranges::any_of(forms, is_nf4);
         });
}

Json make_bitsandbytes_config(std::span<const BlockForms> blocks, const std::optional<LinearForm>& head,
                              DType dtype) {
  OneForm form;
  Json dense = Json::array();  // names that transformers leaves alone
  for (size_t layer = 0; layer < blocks.size(); ++layer) {
    for (const LinearId id : kAllLinears) {
      const LinearForm& f = blocks[layer][static_cast<size_t>(id)];
      form.add(f);
      if (f.weights.dense()) dense.push_back(module_name(static_cast<int64_t>(layer), id));
    }
  }
  if (head) form.add(*head);
  if (!head) dense.push_back("lm_head");
  const char* compute = dtype == DType::kF16 ? "float16" : dtype == DType::kBF16 ? "bfloat16" : "float32";
  return {{"quant_method", "bitsandbytes"},
          {"_load_in_4bit", true},
          {"_load_in_8bit", false},
          {"load_in_4bit", true},
          {"load_in_8bit", false},
          {"bnb_4bit_quant_type", "nf4"},
          {"bnb_4bit_use_double_quant", form.spec().nested},
          {"bnb_4bit_compute_dtype", compute},
          {"bnb_4bit_quant_storage", "uint8"},
          {"llm_int8_enable_fp32_cpu_offload", false},
          {"llm_int8_has_fp16_weight", false},
          {"llm_int8_skip_modules", std::move(dense)},
          {"llm_int8_threshold", 6.0}};
}

}  // namespace fptq
