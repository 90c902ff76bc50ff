#include "api/packed_copy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "base/file_io.h"
#include "formats/checkpoint_identity.h"
#include "formats/linear_bias.h"
#include "fptq/error.h"
#include "kernels/int_gemm/int_gemm.h"
#include "model/shapes.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

PackedKey key_of(const fs::path& folder, kernels::Isa isa) {
  return {kernels::isa_name(isa), kernels::kIntImageVersion, checkpoint_identity(folder)};
}

bool forbidden() {
  const char* value = std::getenv("FPTQ_NO_PACK_CACHE");
  return value != nullptr && *value != '\0' && std::string_view(value) != "0";
}

// Sizes of images are computed only from shapes that the model has: those are known to be possible.
bool fits(const PackedLinear& p, const MatrixShape& shape, bool bias, kernels::Isa isa) {
  if (p.rows != shape.rows || p.cols != shape.cols || p.bias != bias) return false;
  const kernels::PackedIntShape packed = {p.rows,       p.cols, p.spec,
                                          p.scale_type, p.bias, !p.activation.symmetric};
  const kernels::IntGemm& gemm = kernels::int_gemm(isa);
  if (p.image.size() != gemm.image_bytes(packed)) return false;
  try {
    gemm.packed_from_image(packed, p.image.data());
  } catch (const Error&) {
    return false;  // groups that the kernels cannot add up
  }
  return true;
}

// An integer layer in the layout of an instruction set, with its memory. Null for other layers.
std::unique_ptr<kernels::PackedInt> pack(const LinearWeights& weights, kernels::Isa isa) {
  if (!has_integer_kernel(weights.spec, weights.activation)) return nullptr;
  return kernels::int_gemm(isa).pack(weights);
}

PackedLinear describe(const LinearWeights& weights, const kernels::PackedInt& packed) {
  return {weights.rows,
          weights.cols,
          weights.spec,
          weights.scales.dtype(),
          static_cast<bool>(weights.bias),
          weights.activation,
          packed.image()};
}

void add_block(PackedFileWriter& writer, const WeightSource& source, int64_t layer, kernels::Isa isa,
               ThreadPool& pool) {
  std::array<LinearWeights, kAllLinears.size()> weights;
  std::array<std::unique_ptr<kernels::PackedInt>, kAllLinears.size()> packed;
  pool.parallel_for(std::ssize(kAllLinears), 1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      weights[i] = source.linear(layer, kAllLinears[i]);
      packed[i] = pack(weights[i], isa);
    }
  });
  for (size_t i = 0; i < packed.size(); ++i) {
    if (packed[i] != nullptr)
      writer.add(module_name(layer, kAllLinears[i]), describe(weights[i], *packed[i]));
  }
  for (const NormId id : {NormId::kAttention, NormId::kMlp}) source.norm(layer, id);
  source.release_block(layer);
}

// A file system that is nearly full is not filled up for a convenience.
bool has_room(const fs::path& folder, uint64_t bytes) {
  constexpr uint64_t kLeft = uint64_t{256} << 20;
  return free_space(folder) >= bytes + bytes / 4 + kLeft;
}

}  // namespace

fs::path packed_copy_path(const fs::path& folder, kernels::Isa isa) {
  return folder / packed_file_name(kernels::isa_name(isa), kernels::kIntImageVersion);
}

PackedFile open_packed_copy(const fs::path& folder, kernels::Isa isa) {
  return PackedFile(packed_copy_path(folder, isa), key_of(folder, isa));
}

std::optional<PackedFile> find_packed_copy(const fs::path& model, kernels::Isa isa) {
  std::error_code ec;
  if (forbidden() || !fs::exists(packed_copy_path(model, isa), ec)) return std::nullopt;
  try {
    return open_packed_copy(model, isa);
  } catch (const Error&) {
    return std::nullopt;  // made again, or done without
  }
}

bool fits(const PackedFile& packed, const ModelConfig& config, kernels::Isa isa) {
  size_t known = 0;
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    for (const LinearId id : kAllLinears) {
      const auto found = packed.layers().find(module_name(layer, id));
      if (found == packed.layers().end()) continue;
      if (!fits(found->second, linear_shape(config, id), has_bias(config, id), isa)) return false;
      ++known;
    }
  }
  if (const auto head = packed.layers().find(kHeadModule); head != packed.layers().end()) {
    if (!fits(head->second, {config.vocab_size, config.hidden_size}, false, isa)) return false;
    ++known;
  }
  return known == packed.layers().size();
}

void write_packed_copy(const Checkpoint& checkpoint, kernels::Isa isa, ThreadPool& pool) {
  const fs::path& folder = checkpoint.path;
  const WeightSource& source = *checkpoint.weights;
  const PackedKey key = key_of(folder, isa);
  PackedFileWriter writer(packed_copy_path(folder, isa), key);
  for (int64_t layer = 0; layer < source.config().num_layers; ++layer)
    add_block(writer, source, layer, isa, pool);
  source.final_norm();
  source.token_table();
  const LinearWeights head = source.head();
  if (const auto packed = pack(head, isa)) writer.add(kHeadModule, describe(head, *packed));
  if (key != key_of(folder, isa)) {
    throw Error(ErrorKind::kIo, folder.string(), "the model changed while it was being packed");
  }
  writer.commit();
}

std::optional<PackedFile> keep_packed_copy(const Checkpoint& checkpoint, kernels::Isa isa, ThreadPool& pool) {
  if (!checkpoint.integer_layers || forbidden()) return std::nullopt;
  try {
    if (::access(checkpoint.path.c_str(), W_OK) != 0 || !has_room(checkpoint.path, checkpoint.file_bytes))
      return std::nullopt;
    write_packed_copy(checkpoint, isa, pool);
    std::optional<PackedFile> packed = open_packed_copy(checkpoint.path, isa);
    if (fits(*packed, checkpoint.weights->config(), isa)) return packed;
  } catch (const Error&) {
    // Loading without the copy meets the same trouble, if it is the model's, and names it.
  }
  return std::nullopt;
}

}  // namespace fptq
