#include "quant/nf4.h"

#include <algorithm>
#include <cmath>

#include "tensor/linear_weights.h"
#include "tensor/normal_float4.h"

namespace fptq {
namespace {

// Keeps the reciprocal of an empty block's scale finite.
constexpr float kLeastAbsmax = 1e-38f;

float greatest_magnitude(std::span<const float> x) {
  float most = 0.0f;
  for (const float v : x) most = std::max(most, std::fabs(v));
  return most;
}

std::array<float, 15> nf4_bounds() {
  std::array<float, 15> bounds{};
  for (size_t i = 0; i < bounds.size(); ++i) bounds[i] = (kNormalFloat4[i] + kNormalFloat4[i + 1]) / 2.0f;
  return bounds;
}

std::array<float, 256> make_dynamic_map() {
  std::array<float, 256> map{};
  size_t n = 0;
  map[n++] = 0.0f;
  map[n++] = 1.0f;
  // 2^e values of either sign in the decade below 10^(e - 6): the means of equal parts of [0.1, 1].
  constexpr std::array<float, 7> kDecades = {1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 1e-1f, 1.0f};
  for (size_t e = 0; e < kDecades.size(); ++e) {
    const int parts = 1 << e;
    const float step = (1.0f - 0.1f) / static_cast<float>(parts);
    const auto boundary = [&](int i) {  // torch.linspace counts from the nearer end, and fuses
      return i < (parts + 1) / 2 ? std::fma(step, static_cast<float>(i), 0.1f)
                                 : std::fma(-step, static_cast<float>(parts - i), 1.0f);
    };
    for (int i = 0; i < parts; ++i) {
      const float value = kDecades[e] * ((boundary(i) + boundary(i + 1)) / 2.0f);
      map[n++] = value;
      map[n++] = -value;
    }
  }
  std::sort(map.begin(), map.end());
  return map;
}

constexpr int kSteps = 65536;

// Code of each of 65536 numbers from -1 to 1.
std::vector<uint8_t> make_steps() {
  const std::array<float, 256>& map = dynamic_map();
  std::vector<uint8_t> steps(kSteps);
  size_t code = 0;
  for (int i = 0; i < kSteps; ++i) {
    const float value = -1.0f + (2.0f * static_cast<float>(i)) / static_cast<float>(kSteps - 1);
    while (code < map.size() - 1 && 0.5f * (map[code] + map[code + 1]) < value) ++code;
    steps[static_cast<size_t>(i)] = static_cast<uint8_t>(code);
  }
  return steps;
}

uint8_t dynamic_code(float x) {
  static const std::vector<uint8_t> steps = make_steps();
  const float half = (std::clamp(x, -1.0f, 1.0f) + 1.0f) * 0.5f;
  // Their compiler fuses this product and sum.
  return steps[static_cast<size_t>(std::fma(half, static_cast<float>(kSteps - 1), 0.5f))];
}

}  // namespace

float round_nf4_block(std::span<const float> w, bool last, uint8_t* codes) {
  static const std::array<float, 15> bounds = nf4_bounds();
  const float most = greatest_magnitude(w), divisor = std::max(most, kLeastAbsmax), inverse = 1.0f / divisor;
  for (size_t i = 0; i < w.size(); ++i) {
    const float x = std::clamp(last ? w[i] / divisor : w[i] * inverse, -1.0f, 1.0f);
    unsigned code = 0;
    for (const float bound : bounds) code += bound < x ? 1u : 0u;
    codes[i] = static_cast<uint8_t>(code);
  }
  return last ? divisor : most;
}

const std::array<float, 256>& dynamic_map() {
  static const std::array<float, 256> map = make_dynamic_map();
  return map;
}

NestedCodes nest_scales(std::span<const float> scales) {
  NestedCodes out;
  double sum = 0.0;
  for (const float s : scales) sum += s;
  out.offset = static_cast<float>(sum / static_cast<double>(scales.size()));
  out.codes.resize(scales.size());
  std::vector<float> rest(static_cast<size_t>(NestedScales::kBlock));
  for (size_t begin = 0; begin < scales.size(); begin += rest.size()) {
    const std::span<const float> block = scales.subspan(begin, std::min(rest.size(), scales.size() - begin));
    for (size_t i = 0; i < block.size(); ++i) rest[i] = block[i] - out.offset;
    const float most = greatest_magnitude(std::span(rest).first(block.size())), inverse = 1.0f / most;
    for (size_t i = 0; i < block.size(); ++i)
      out.codes[begin + i] = most == 0.0f ? 0 : dynamic_code(rest[i] * inverse);
    out.absmax.push_back(most);
  }
  return out;
}

}  // namespace fptq
