#include "api/resume_state.h"

#include <cstring>

#include "base/hash.h"
#include "base/json.h"
#include "fptq/error.h"
#include "io/safetensors.h"
#include "io/safetensors_writer.h"

// A safetensors file: the hidden states as tensors, everything else as JSON in the metadata, with a checksum
// over all of it because a state that is damaged must be as good as none.

namespace fptq {
namespace fs = std::filesystem;
namespace {

constexpr const char* kStateName = "resume.safetensors";

struct NamedStates {
  const char* name;
  AlignedBuffer<float> PipelineState::*member;
};
constexpr NamedStates kStates[] = {{"hidden", &PipelineState::hidden},
                                   {"original", &PipelineState::original},
                                   {"probe_reference", &PipelineState::probe_reference},
                                   {"probe_quantized", &PipelineState::probe_quantized}};

std::span<const std::byte> bytes_of(const AlignedBuffer<float>& buffer) {
  return std::as_bytes(std::span(buffer.data(), buffer.size()));
}

Json describe(const PipelineState& state) {
  Json inputs = Json::array(), linears = Json::array();
  for (const InputDecision& d : state.inputs) {
    inputs.push_back({{"layer", d.layer},
                      {"input", d.input},
                      {"consumers", d.consumers},
                      {"v", d.v},
                      {"equalized", d.equalized},
                      {"activation", d.activation},
                      {"scale", d.scale},
                      {"reason", d.reason}});
  }
  for (const LinearReport& r : state.linears) {
    linears.push_back({{"module", r.module},
                       {"bits", r.bits},
                       {"group_size", r.group_size},
                       {"fell_back", r.group_size_fell_back},
                       {"relative_error", r.relative_error},
                       {"sqnr_db", r.sqnr_db},
                       {"form", r.form}});
  }
  return {{"next_layer", state.next_layer}, {"inputs", std::move(inputs)}, {"linears", std::move(linears)}};
}

void restore(const Json& text, PipelineState& state) {
  state.next_layer = text.at("next_layer");
  for (const Json& d : text.at("inputs")) {
    state.inputs.push_back({d.at("layer"), d.at("input"), d.at("consumers"), d.at("v"), d.at("equalized"),
                            d.at("activation"), d.at("scale"), d.at("reason")});
  }
  for (const Json& r : text.at("linears")) {
    state.linears.push_back({r.at("module"), r.at("bits"), r.at("group_size"), r.at("fell_back"),
                             r.at("relative_error"), r.at("sqnr_db"), r.at("form")});
  }
}

}  // namespace

void save_state(const fs::path& folder, const PipelineState& state, int64_t hidden_size) {
  const std::string description = describe(state).dump();
  Hasher hasher;
  hasher.add(description);
  std::vector<TensorInfo> tensors;
  for (const NamedStates& s : kStates) {
    const AlignedBuffer<float>& buffer = state.*s.member;
    hasher.add(bytes_of(buffer));
    tensors.push_back(
        {s.name, DType::kF32, {static_cast<int64_t>(buffer.size()) / hidden_size, hidden_size}});
  }
  const fs::path path = folder / kStateName, temporary = folder / (std::string(kStateName) + ".tmp");
  {
    SafetensorsWriter writer(temporary, tensors, {{"state", description}, {"checksum", hasher.hex()}});
    for (const NamedStates& s : kStates) writer.write(s.name, bytes_of(state.*s.member));
    writer.commit();
  }
  fs::rename(temporary, path);
}

std::optional<PipelineState> load_state(const fs::path& folder) {
  const fs::path path = folder / kStateName;
  if (!fs::exists(path)) return std::nullopt;
  try {
    const SafetensorsFile file = SafetensorsFile::open(path);
    PipelineState state;
    const std::string& description = file.metadata().at("state");
    Hasher hasher;
    hasher.add(description);
    for (const NamedStates& s : kStates) {
      const Tensor tensor = file.tensor(s.name);
      hasher.add(tensor.bytes());
      state.*s.member = tensor.to_floats();
    }
    if (hasher.hex() != file.metadata().at("checksum")) return std::nullopt;
    restore(parse_json(description, path.string()), state);
    return state;
  } catch (const std::exception&) {
    return std::nullopt;  // as good as none: the run starts over
  }
}

void remove_state(const fs::path& folder) {
  fs::remove(folder / kStateName);
}

}  // namespace fptq
