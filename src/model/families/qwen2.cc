#include <fmt/format.h>

#include "model/families/families.h"
#include "model/families/read_gguf.h"
#include "model/families/read_json.h"

namespace fptq {
namespace {

constexpr const char* kArchitectures[] = {"Qwen2ForCausalLM"};

// Which layers attend through the window: `layer_types` if given, else those from `max_window_layers` on.
std::vector<bool> windowed_layers(const Json& config, const std::string& where, int64_t layers) {
  std::vector<bool> windowed(static_cast<size_t>(layers));
  const Json* types = json_find(config, "layer_types");
  if (types == nullptr) {
    const int64_t first = json_int(config, "max_window_layers", where, 28);
    for (int64_t i = 0; i < layers; ++i) windowed[static_cast<size_t>(i)] = i >= first;
    return windowed;
  }
  if (!types->is_array() || types->size() != windowed.size()) {
    throw Error(ErrorKind::kBadModel, where + ":layer_types",
                fmt::format("expected a list of {} entries", layers));
  }
  for (size_t i = 0; i < windowed.size(); ++i) {
    const Json& type = types->at(i);
    if (type != "sliding_attention" && type != "full_attention") {
      throw Error(ErrorKind::kBadModel, where + ":layer_types",
                  "expected full_attention or sliding_attention, found " + type.dump().substr(0, 40));
    }
    windowed[i] = type == "sliding_attention";
  }
  return windowed;
}

ModelConfig from_json(const Json& config, const std::string& where) {
  ModelConfig c = read_decoder_json(config, where, "qwen2", {.num_kv_heads = 32, .max_position = 32768});
  c.qkv_bias = true;
  c.validate(where);  // the number of layers is used below
  if (json_bool(config, "use_sliding_window", where, false)) {
    c.sliding_window = read_sliding_window(config, where, 4096);
    c.layer_is_windowed = windowed_layers(config, where, c.num_layers);
    c.validate(where);
  }
  return c;
}

ModelConfig from_gguf(const GgufFile& file) {
  ModelConfig c = read_decoder_gguf(file, "qwen2");
  c.validate(file.file().path().string());
  return c;
}

}  // namespace

Family qwen2_family() {
  return {"qwen2", kArchitectures, "qwen2", from_json, from_gguf, false};
}

}  // namespace fptq
