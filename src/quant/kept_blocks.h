// A sink that keeps the blocks of a run, and how far its result is from the source. For tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/pipeline.h"

namespace fptq {

struct KeptBlocks : BlockSink {
  void put(const QuantizedBlock& block) override { blocks.push_back(block); }
  QuantizedBlock get(int64_t layer) const override { return blocks[static_cast<size_t>(layer)]; }
  void replace(const QuantizedBlock& block) override { blocks[static_cast<size_t>(block.layer)] = block; }
  const LinearWeights& of(size_t layer, LinearId id) const {
    return blocks[layer].linears[static_cast<size_t>(id)];
  }
  std::vector<QuantizedBlock> blocks;
};

// Behind all blocks, how far the result's states are from the source's.
inline double distance(const Probe& probe) {
  double error = 0, norm = 0;
  for (size_t i = 0; i < probe.reference.size(); ++i) {
    error += std::pow(static_cast<double>(probe.quantized[i]) - probe.reference[i], 2);
    norm += std::pow(static_cast<double>(probe.reference[i]), 2);
  }
  return std::sqrt(error / norm);
}

inline bool same(const Tensor& a, const Tensor& b) {
  return std::ranges::equal(a.bytes(), b.bytes());
}

}  // namespace fptq
