#include "model/families/families.h"
#include "model/families/read_gguf.h"
#include "model/families/read_json.h"

namespace fptq {
namespace {

constexpr const char* kArchitectures[] = {"LlamaForCausalLM", "LLaMAForCausalLM"};

ModelConfig from_json(const Json& config, const std::string& where) {
  ModelConfig c = read_decoder_json(config, where, "llama", {.max_position = 2048, .bos_id = 1, .eos_id = 2});
  c.qkv_bias = c.o_bias = json_bool(config, "attention_bias", where, false);
  c.mlp_bias = json_bool(config, "mlp_bias", where, false);
  c.validate(where);
  return c;
}

ModelConfig from_gguf(const GgufFile& file) {
  ModelConfig c = read_decoder_gguf(file, "llama");
  // Mistral's files say "llama", too; what tells them apart is the window.
  if (c.sliding_window > 0 && !c.qkv_bias && !c.o_bias && !c.mlp_bias) c.family = "mistral";
  c.validate(file.file().path().string());
  return c;
}

}  // namespace

Family llama_family() {
  return {"llama", kArchitectures, "llama", from_json, from_gguf, true};
}

}  // namespace fptq
