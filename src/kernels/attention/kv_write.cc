#include "kernels/attention/kv_write.h"

#include <algorithm>

#include "base/float8.h"
#include "base/half.h"

namespace fptq::kernels {
namespace {

template <typename T, typename Convert>
void write_elements(uint8_t* record, KvFormat format, int64_t head_dim, int64_t slot, const float* k,
                    const float* v, Convert convert) {
  T* keys = reinterpret_cast<T*>(record) + slot / kKvPanel * head_dim * kKvPanel + slot % kKvPanel;
  for (int64_t d = 0; d < head_dim; ++d) keys[d * kKvPanel] = convert(k[d]);
  T* values = reinterpret_cast<T*>(record + kv_layout(format, head_dim).values) + slot * kKvPanel;
  for (int64_t d = 0; d < head_dim; d += kKvPanel) {
    const int64_t n = std::min(kKvPanel, head_dim - d);
    for (int64_t i = 0; i < n; ++i) values[d * kKvBlock + i] = convert(v[d + i]);
  }
}

}  // namespace

void write_kv_floats(uint8_t* record, int64_t head_dim, int64_t slot, const float* k, const float* v) {
  write_elements<float>(record, KvFormat::kFloat, head_dim, slot, k, v, [](float x) { return x; });
}

void write_kv_halves(uint8_t* record, int64_t head_dim, int64_t slot, const float* k, const float* v) {
  write_elements<uint16_t>(record, KvFormat::kHalf, head_dim, slot, k, v,
                           [](float x) { return float_to_f16(std::clamp(x, -65504.0f, 65504.0f)); });
}

void write_kv_float8(uint8_t* record, int64_t head_dim, int64_t slot, const float* k, const float* v) {
  write_elements<uint8_t>(record, KvFormat::kFloat8, head_dim, slot, k, v, float_to_e4m3);
}

void write_kv_codes(uint8_t* record, int64_t head_dim, int64_t slot, const int8_t* k, float k_scale,
                    const int8_t* v, float v_scale) {
  const KvLayout layout = kv_layout(KvFormat::kInt8, head_dim);
  auto* keys =
      reinterpret_cast<int8_t*>(record) + slot / kKvPanel * head_dim * kKvPanel + slot % kKvPanel * 2;
  for (int64_t d = 0; d < head_dim; d += 2) {
    keys[d * kKvPanel] = k[d];
    keys[d * kKvPanel + 1] = k[d + 1];
  }
  auto* values = reinterpret_cast<int8_t*>(record + layout.values) + slot / 2 * 2 * kKvPanel + slot % 2;
  for (int64_t d = 0; d < head_dim; ++d) values[d / kKvPanel * kKvPanel * kKvBlock + d % kKvPanel * 2] = v[d];
  reinterpret_cast<float*>(record + layout.key_scales)[slot] = k_scale;
  reinterpret_cast<float*>(record + layout.value_scales)[slot] = v_scale;
}

}  // namespace fptq::kernels
