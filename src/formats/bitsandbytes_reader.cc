#include "formats/bitsandbytes_reader.h"

#include <fmt/format.h>

#include "formats/bitsandbytes_tensors.h"
#include "formats/linear_bias.h"
#include "fptq/error.h"
#include "model/shapes.h"

namespace fptq {
namespace {

Shape shape_of(const ModelConfig& config, LinearId id) {
  const MatrixShape shape = linear_shape(config, id);
  return {shape.rows, shape.cols};
}

void check_config(const Json& config, const std::string& where) {
  // Older versions of transformers write the flag without the underscore, newer ones both.
  const bool four_bits =
      json_bool(config, "load_in_4bit", where, json_bool(config, "_load_in_4bit", where, false));
  if (!four_bits) {
    throw Error(ErrorKind::kBadModel, where + ".load_in_4bit",
                "only bitsandbytes' 4-bit weights are supported",
                "save the model with load_in_4bit and bnb_4bit_quant_type \"nf4\"");
  }
  const auto expect = [&](const char* key, const char* fallback, const char* expected) {
    const std::string found = json_string(config, key, where, fallback);
    if (found == expected) return;
    throw Error(ErrorKind::kBadModel, where + "." + key,
                fmt::format("\"{}\" is not supported, expected \"{}\"", found.substr(0, 60), expected));
  };
  expect("bnb_4bit_quant_type", "fp4", "nf4");
  expect("bnb_4bit_quant_storage", "uint8", "uint8");
}

}  // namespace

BitsAndBytesSource::BitsAndBytesSource(const std::filesystem::path& folder, ModelConfig model_config,
                                       const Json& quantization, const std::string& config_path,
                                       ValueChecks checks)
    : FolderSource(folder, std::move(model_config), checks) {
  check_config(quantization, config_path + ":quantization_config");
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    for (const LinearId id : kAllLinears)
      expect(module_name(layer, id), shape_of(config_, id), has_bias(config_, id));
  }
  if (!config_.tied_embeddings) expect("lm_head", {config_.vocab_size, config_.hidden_size}, false);
  finish_opening();
}

void BitsAndBytesSource::expect(const std::string& module, const Shape& shape, bool bias) {
  if (!tensors_.contains(module + kNf4State)) return expect_dense_linear(module, shape, bias);
  specs_[module] = expect_bitsandbytes(tensors_, module, shape.front(), shape.back());
  if (bias) tensors_.expect_dense(module + ".bias", {shape.front()});
}

LinearWeights BitsAndBytesSource::read(const std::string& module, const Shape& shape, bool bias) const {
  const auto spec = specs_.find(module);
  if (spec == specs_.end()) return dense_linear(module, shape, bias);
  LinearWeights out = read_bitsandbytes(tensors_, module, shape.front(), shape.back(), spec->second);
  if (bias) out.bias = tensors_.read_dense(module + ".bias");
  return out;
}

LinearWeights BitsAndBytesSource::linear(int64_t layer, LinearId id) const {
  return read(module_name(layer, id), shape_of(config_, id), has_bias(config_, id));
}

LinearWeights BitsAndBytesSource::head() const {
  if (!specs_.contains("lm_head")) return FolderSource::head();
  return read("lm_head", {config_.vocab_size, config_.hidden_size}, false);
}

}  // namespace fptq
