#include "formats/gguf_source.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "formats/checkpoint.h"
#include "formats/finite.h"
#include "formats/linear_bias.h"
#include "fptq/error.h"
#include "io/printable.h"
#include "model/family.h"
#include "model/shapes.h"

namespace fptq {
namespace {

constexpr std::array<const char*, kAllLinears.size()> kLinearNames = {
    "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"};

std::string linear_name(int64_t layer, LinearId id) {
  return fmt::format("blk.{}.{}", layer, kLinearNames[static_cast<size_t>(id)]);
}

std::string norm_name(int64_t layer, NormId id) {
  return fmt::format("blk.{}.{}.weight", layer, id == NormId::kAttention ? "attn_norm" : "ffn_norm");
}

}  // namespace

Tensor undo_rotary_permutation(const Tensor& t, int64_t head_dim) {
  // A bias is a column of single elements.
  const TensorView& in = t.view();
  const size_t bytes = in.row_bytes();
  std::byte* out = nullptr;
  Tensor result = Tensor::allocate(t.dtype(), t.shape(), &out);
  const int64_t half = head_dim / 2;
  for (int64_t head = 0; head < in.rows(); head += head_dim) {
    for (int64_t i = 0; i < half; ++i) {
      for (int64_t j = 0; j < 2; ++j) {
        std::memcpy(out + static_cast<size_t>(head + j * half + i) * bytes, in.row(head + 2 * i + j), bytes);
      }
    }
  }
  return result;
}

GgufSource::GgufSource(GgufFile file) : file_(std::move(file)), where_(file_.file().path().string()) {
  const Family& family = find_family(file_);
  config_ = family.from_gguf(file_);
  permutes_qk_ = family.gguf_permutes_qk;
  const Shape hidden = {config_.hidden_size};
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    for (const NormId id : {NormId::kAttention, NormId::kMlp}) expect(norm_name(layer, id), hidden);
    for (const LinearId id : kAllLinears) {
      const MatrixShape shape = linear_shape(config_, id);
      expect(linear_name(layer, id) + ".weight", {shape.rows, shape.cols});
      if (has_bias(config_, id)) expect(linear_name(layer, id) + ".bias", {shape.rows});
    }
  }
  expect("output_norm.weight", hidden);
  expect("token_embd.weight", {config_.vocab_size, config_.hidden_size});
  if (!config_.tied_embeddings) expect("output.weight", {config_.vocab_size, config_.hidden_size});
}

void GgufSource::expect(const std::string& name, const Shape& shape) const {
  const Tensor t = file_.tensor(name);
  if (!dtype_info(t.dtype()).floating) {
    throw Error(ErrorKind::kBadModel, where_in(where_, name),
                fmt::format("expected weights, found type {}", dtype_info(t.dtype()).name));
  }
  if (t.shape() != shape) {
    throw Error(ErrorKind::kBadModel, where_in(where_, name),
                fmt::format("expected shape {}, found {}", to_string(shape), to_string(t.shape())));
  }
}

Tensor GgufSource::read(const std::string& name) const {
  Tensor t = file_.tensor(name);
  check_finite(t, where_in(where_, name));
  return t;
}

LinearWeights GgufSource::linear(int64_t layer, LinearId id) const {
  const MatrixShape shape = linear_shape(config_, id);
  LinearWeights out;
  out.rows = shape.rows;
  out.cols = shape.cols;
  out.weight = read(linear_name(layer, id) + ".weight");
  if (has_bias(config_, id)) out.bias = read(linear_name(layer, id) + ".bias");
  if (permutes_qk_ && (id == LinearId::kQ || id == LinearId::kK)) {
    out.weight = undo_rotary_permutation(out.weight, config_.head_dim);
    if (out.bias) out.bias = undo_rotary_permutation(out.bias, config_.head_dim);
  }
  return out;
}

Tensor GgufSource::norm(int64_t layer, NormId id) const {
  return read(norm_name(layer, id));
}

Tensor GgufSource::final_norm() const {
  return read("output_norm.weight");
}

Tensor GgufSource::embedding() const {
  return read("token_embd.weight");
}

LinearWeights GgufSource::head() const {
  LinearWeights out;
  out.rows = config_.vocab_size;
  out.cols = config_.hidden_size;
  out.weight = config_.tied_embeddings ? embedding() : read("output.weight");
  return out;
}

void GgufSource::release_block(int64_t layer) const {
  for (const LinearId id : kAllLinears) file_.release(linear_name(layer, id) + ".weight");
}

}  // namespace fptq
