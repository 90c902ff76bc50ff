#include "model/families/families.h"
#include "model/families/read_gguf.h"
#include "model/families/read_json.h"

namespace fptq {
namespace {

constexpr const char* kArchitectures[] = {"MistralForCausalLM"};

ModelConfig from_json(const Json& config, const std::string& where) {
  ModelConfig c = read_decoder_json(config, where, "mistral",
                                    {.num_kv_heads = 8, .max_position = 131072, .bos_id = 1, .eos_id = 2});
  c.sliding_window = read_sliding_window(config, where, 4096);
  c.validate(where);
  return c;
}

}  // namespace

// Its GGUF files name themselves "llama" and are read there.
Family mistral_family() {
  return {"mistral", kArchitectures, nullptr, from_json, nullptr, true};
}

}  // namespace fptq
