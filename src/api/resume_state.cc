#include "api/resume_state.h"

#include <cstring>

#include "base/file_io.h"
#include "base/hash.h"
#include "base/json.h"
#include "fptq/error.h"
#include "io/safetensors.h"
#include "io/safetensors_writer.h"
#include "report/quantization_json.h"

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
constexpr const char* kTuning = "tuning";

std::span<const std::byte> bytes_of(const AlignedBuffer<float>& buffer) {
  return std::as_bytes(std::span(buffer.data(), buffer.size()));
}

Json describe(const PipelineState& state) {
  return {{"next_layer", state.next_layer},
          {"tuning_step", state.tuning.step},
          {"inputs", report::to_list(state.inputs)},
          {"linears", report::to_list(state.linears)},
          {"blocks", report::to_list(state.blocks)}};
}

void restore(const Json& text, PipelineState& state) {
  state.next_layer = text.at("next_layer");
  state.tuning.step = text.at("tuning_step");
  for (const Json& d : text.at("inputs")) state.inputs.push_back(report::decision_of(d, kStateName));
  for (const Json& l : text.at("linears")) state.linears.push_back(report::linear_of(l, kStateName));
  for (const Json& b : text.at("blocks")) state.blocks.push_back(report::block_of(b, kStateName));
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
  hasher.add(bytes_of(state.tuning.values));
  tensors.push_back({kTuning, DType::kF32, {std::ssize(state.tuning.values)}});
  const fs::path path = folder / kStateName, temporary = folder / (std::string(kStateName) + ".tmp");
  {
    SafetensorsWriter writer(temporary, tensors, {{"state", description}, {"checksum", hasher.hex()}});
    for (const NamedStates& s : kStates) writer.write(s.name, bytes_of(state.*s.member));
    writer.write(kTuning, bytes_of(state.tuning.values));
    writer.commit();
  }
  move_into_place(temporary, path);
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
    const Tensor tuning = file.tensor(kTuning);
    hasher.add(tuning.bytes());
    state.tuning.values = tuning.to_floats();
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
