// write_schemes MODEL OUT: MODEL rounded to nearest in every scheme that a checkpoint can hold but the
// integer ones with INT8 inputs, each in a folder OUT/<scheme>, for other programs to read
// (scripts/interop.sh). Static input scales are set by hand: agreement of engines is the question here, not
// quality.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <vector>

#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "formats/compressed_tensors_writer.h"
#include "model/layout.h"
#include "model/shapes.h"
#include "quant/group_size.h"
#include "quant/round_to_nearest.h"

namespace {

using namespace fptq;

struct Scheme {
  const char* name;
  WeightSpec weights;  // group_size -1: the largest that divides a layer's inputs, up to 64
  ActivationSpec input;
};

std::vector<Scheme> schemes() {
  constexpr CodeType kE4M3 = CodeType::kFloat8E4M3, kE5M2 = CodeType::kFloat8E5M2;
  const ActivationSpec fp8_token{.mode = ActivationMode::kDynamicToken, .type = kE4M3},
      fp8_static{.mode = ActivationMode::kStaticTensor, .scale = 0x1p-5f, .type = kE4M3},
      int8_token{.mode = ActivationMode::kDynamicToken},
      int4_static{.mode = ActivationMode::kStaticTensor, .scale = 0.25f, .bits = 4};
  WeightSpec nf4{.bits = 4, .group_size = 64, .type = CodeType::kNormalFloat4}, nf4_nested = nf4;
  nf4_nested.nested = true;
  return {{"fp8-dynamic", {.bits = 8, .type = kE4M3}, fp8_token},
          {"fp8-static", {.bits = 8, .type = kE4M3, .per_tensor = true}, fp8_static},
          {"fp8-w8a16", {.bits = 8, .type = kE4M3}, {}},
          {"fp8-e5m2-w8a16", {.bits = 8, .type = kE5M2}, {}},
          {"int3-w3a16", {3, -1, true}, {}},
          {"int3-w3a16-asym", {3, -1, false}, {}},
          {"int3-w3a8", {3, -1, true}, int8_token},
          {"int8-tensor", {.bits = 8, .per_tensor = true}, int8_token},
          {"int4-tensor", {.bits = 4, .per_tensor = true}, int8_token},
          {"int4-w4a4-static", {4, -1, true}, int4_static},
          {"int4-fp8", {4, -1, true}, fp8_token},
          {"nf4-dq", nf4_nested, {}},
          {"nf4", nf4, {}}};
}

void write(const Checkpoint& source, const Scheme& scheme, const std::filesystem::path& output,
           ThreadPool& pool) {
  const WeightSource& weights = *source.weights;
  CompressedTensorsWriter writer(output, source,
                                 {.dtype = DType::kF32, .overwrite = true, .fingerprint = scheme.name}, 1);
  for (int64_t layer = 0; layer < weights.config().num_layers; ++layer) {
    std::vector<LinearWeights> linears;
    for (const LinearId id : kAllLinears) {
      WeightSpec spec = scheme.weights;
      if (spec.group_size == -1)
        spec.group_size = resolve_group_size(linear_shape(weights.config(), id).cols, 64).size;
      const LinearWeights dense = weights.linear(layer, id);
      linears.push_back(
          round_to_nearest(WeightRows(dense, {}, module_name(layer, id)), spec, DType::kF32, pool));
      linears.back().activation = scheme.input;
    }
    writer.put_block(layer, linears, weights.norm(layer, NormId::kAttention),
                     weights.norm(layer, NormId::kMlp));
  }
  writer.finish("", "{}");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3) throw std::runtime_error("expected MODEL OUT");
    ThreadPool pool(0);
    const Checkpoint source = open_checkpoint(argv[1]);
    std::filesystem::create_directories(argv[2]);
    for (const Scheme& scheme : schemes())
      write(source, scheme, std::filesystem::path(argv[2]) / scheme.name, pool);
  } catch (const std::exception& e) {
    fmt::print(stderr, "write_schemes: {}\n", e.what());
    return 1;
  }
}
