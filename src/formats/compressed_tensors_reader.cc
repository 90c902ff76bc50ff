#include "formats/compressed_tensors_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "formats/code_packing.h"
#include "formats/linear_bias.h"
#include "formats/scheme_matcher.h"
#include "fptq/error.h"
#include "model/shapes.h"

namespace fptq {
namespace {

// A single number has been written with each of these shapes.
const std::vector<Shape> kScalarShapes = {{1}, {}, {1, 1}};

Shape shape_of(const ModelConfig& config, LinearId id) {
  const MatrixShape shape = linear_shape(config, id);
  return {shape.rows, shape.cols};
}

int64_t groups_of(const LinearScheme& scheme, const Shape& shape) {
  return scheme.weights.group_size == 0 ? 1 : shape.back() / scheme.weights.group_size;
}

DType plain_type(CodeType type) {
  switch (type) {
    case CodeType::kFloat8E4M3:
      return DType::kF8E4M3;
    case CodeType::kFloat8E5M2:
      return DType::kF8E5M2;
    default:
      return DType::kI8;
  }
}

const QuantizationScheme* embedding_scheme(const QuantizationConfig& config) {
  return SchemeMatcher(config).find(kEmbeddingModule, "Embedding");
}

// The same scale or zero point for every row.
Tensor repeated(const Tensor& one, int64_t rows) {
  std::byte* out = nullptr;
  Tensor all = Tensor::allocate(one.dtype(), {rows, 1}, &out);
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(out + static_cast<size_t>(r) * one.bytes().size(), one.bytes().data(), one.bytes().size());
  return all;
}

double scalar(const Tensor& t) {
  if (t.dtype() != DType::kF64) return t.to_floats()[0];
  double v;
  std::memcpy(&v, t.bytes().data(), sizeof v);
  return v;
}

int64_t int_at(const Tensor& t, size_t i) {
  if (t.dtype() == DType::kI64) {
    int64_t v;
    std::memcpy(&v, t.bytes().data() + i * sizeof v, sizeof v);
    return v;
  }
  int32_t v;
  std::memcpy(&v, t.bytes().data() + i * sizeof v, sizeof v);
  return v;
}

}  // namespace

CompressedTensorsSource::CompressedTensorsSource(const std::filesystem::path& folder,
                                                 ModelConfig model_config, const Json& quantization,
                                                 const std::string& config_path, ValueChecks checks)
    : CompressedTensorsSource(folder, std::move(model_config),
                              parse_quantization_config(quantization, config_path + ":quantization_config"),
                              checks) {}

CompressedTensorsSource::CompressedTensorsSource(const std::filesystem::path& folder,
                                                 ModelConfig model_config,
                                                 const QuantizationConfig& quantization, ValueChecks checks)
    : FolderSource(folder, std::move(model_config), checks, embedding_scheme(quantization) == nullptr) {
  const SchemeMatcher matcher(quantization);
  const auto expect = [&](const std::string& module, const Shape& shape, bool bias) {
    const QuantizationScheme* scheme = matcher.find(module, "Linear");
    if (scheme == nullptr) return expect_dense_linear(module, shape, bias);
    const LinearScheme& resolved = schemes_[module] = resolve_scheme(*scheme);
    expect_quantized(module, resolved, shape, bias);
  };
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    for (const LinearId id : kAllLinears)
      expect(module_name(layer, id), shape_of(config_, id), has_bias(config_, id));
  }
  if (const QuantizationScheme* scheme = embedding_scheme(quantization)) {
    const LinearScheme& resolved = schemes_[kEmbeddingModule] = resolve_scheme(*scheme);
    if (resolved.activation.mode != ActivationMode::kFloat) {
      throw Error(ErrorKind::kBadModel, scheme->where + ".input_activations",
                  "the inputs of embeddings are token ids, which cannot be quantized");
    }
    expect_quantized(kEmbeddingModule, resolved, {config_.vocab_size, config_.hidden_size}, false);
  }
  if (!config_.tied_embeddings) {
    expect("lm_head", {config_.vocab_size, config_.hidden_size}, false);
  } else if (const QuantizationScheme* scheme = matcher.find("lm_head", "Linear")) {
    throw Error(ErrorKind::kBadModel, scheme->where + ".targets",
                "takes in lm_head, which is the embedding (tie_word_embeddings)",
                "add \"lm_head\" to \"ignore\"");
  }
  finish_opening();
}

void CompressedTensorsSource::expect_quantized(const std::string& module, const LinearScheme& scheme,
                                               const Shape& shape, bool bias) {
  const WeightSpec& w = scheme.weights;
  const int64_t rows = shape.front(), cols = shape.back(), groups = groups_of(scheme, shape);
  if (w.group_size > 0 && cols % w.group_size != 0) {
    throw Error(ErrorKind::kBadModel, tensors_.where(module),
                fmt::format("group size {} does not divide {} inputs", w.group_size, cols));
  }
  const bool packed = scheme.storage == CodeStorage::kPacked;
  const std::string stored = module + (packed ? ".weight_packed" : ".weight");
  if (!tensors_.contains(stored) && tensors_.contains(module + (packed ? ".weight" : ".weight_packed"))) {
    throw Error(ErrorKind::kBadModel, tensors_.where(module),
                packed ? "the configuration says pack-quantized, the file holds a plain weight"
                       : fmt::format("the configuration means {}, the file holds weight_packed",
                                     w.type == CodeType::kInteger ? "int-quantized" : "float-quantized"),
                "\"format\" of its config group must say how the weight is stored");
  }
  const std::vector<Shape> per_row = {{rows, groups}};
  const std::vector<Shape>& scale_shapes = scheme.weights.per_tensor ? kScalarShapes : per_row;
  if (packed) {
    tensors_.expect(stored, {{rows, packed_words(cols, w.bits)}}, {DType::kI32});
    const std::string name = module + ".weight_shape";
    tensors_.expect(name, {{2}}, {DType::kI64, DType::kI32});
    const Tensor said = tensors_.read(name);
    if (int_at(said, 0) != rows || int_at(said, 1) != cols) {
      throw Error(
          ErrorKind::kBadModel, tensors_.where(name),
          fmt::format("expected [{}, {}], found [{}, {}]", rows, cols, int_at(said, 0), int_at(said, 1)));
    }
  } else {
    tensors_.expect(stored, {shape}, {plain_type(w.type)});
  }
  tensors_.expect(module + ".weight_scale", scale_shapes, {DType::kF32, DType::kF16, DType::kBF16});
  if (!w.symmetric) {
    // Packed only where there is one per row.
    if (packed && !scheme.weights.per_tensor) {
      tensors_.expect(module + ".weight_zero_point", {{packed_words(rows, w.bits), groups}}, {DType::kI32});
    } else {
      tensors_.expect(module + ".weight_zero_point", scale_shapes, {DType::kI8});
    }
  }
  if (scheme.activation.mode == ActivationMode::kStaticTensor) {
    tensors_.expect(module + ".input_scale", kScalarShapes,
                    {DType::kF32, DType::kF16, DType::kBF16, DType::kF64});
    if (!scheme.activation.symmetric)
      tensors_.expect(module + ".input_zero_point", kScalarShapes, {DType::kI8});
  }
  if (tensors_.contains(module + ".weight_g_idx")) {
    throw Error(ErrorKind::kBadModel, tensors_.where(module + ".weight_g_idx"),
                "weights in activation order (g_idx) are not supported",
                "quantize again with actorder \"weight\" or none");
  }
  if (bias) tensors_.expect_dense(module + ".bias", {rows});
}

void CompressedTensorsSource::read_codes(const std::string& module, const LinearScheme& scheme,
                                         LinearWeights& out) const {
  if (scheme.storage == CodeStorage::kPacked) {
    out.codes = codes_of_words(tensors_.read(module + ".weight_packed"), out.cols, scheme.weights.bits);
    return;
  }
  const std::string name = module + ".weight";
  const Tensor codes = tensors_.read(name);
  out.codes = scheme.weights.bits == 8 ? codes : pack_codes(codes, scheme.weights.bits, tensors_.where(name));
}

Tensor CompressedTensorsSource::read_zero_points(const std::string& module, const LinearScheme& scheme,
                                                 const Shape& shape) const {
  const Tensor stored = tensors_.read(module + ".weight_zero_point");
  if (scheme.weights.per_tensor) return repeated(stored, shape.front());
  if (scheme.storage == CodeStorage::kPacked)
    return unpack_zero_points(stored, shape.front(), scheme.weights.bits);
  return stored;
}

ActivationSpec CompressedTensorsSource::read_activation(const std::string& module,
                                                        const ActivationSpec& scheme) const {
  ActivationSpec out = scheme;
  if (scheme.mode != ActivationMode::kStaticTensor) return out;
  out.scale = static_cast<float>(scalar(tensors_.read(module + ".input_scale")));
  if (!scheme.symmetric) {
    out.zero_point = static_cast<int8_t>(tensors_.read(module + ".input_zero_point").bytes().front());
  }
  return out;
}

LinearWeights CompressedTensorsSource::read_quantized(const std::string& module, const LinearScheme& scheme,
                                                      const Shape& shape, bool bias) const {
  LinearWeights out;
  out.rows = shape.front();
  out.cols = shape.back();
  out.spec = scheme.weights;
  out.activation = read_activation(module, scheme.activation);
  read_codes(module, scheme, out);
  const Tensor scales = tensors_.read(module + ".weight_scale");
  out.scales = scheme.weights.per_tensor ? repeated(scales, out.rows) : scales;
  if (!scheme.weights.symmetric) out.zero_points = read_zero_points(module, scheme, shape);
  if (bias) out.bias = tensors_.read_dense(module + ".bias");
  out.validate(tensors_.where(module));
  return out;
}

LinearWeights CompressedTensorsSource::linear(int64_t layer, LinearId id) const {
  const std::string module = module_name(layer, id);
  const auto scheme = schemes_.find(module);
  if (scheme == schemes_.end()) return dense_linear(module, shape_of(config_, id), has_bias(config_, id));
  return read_quantized(module, scheme->second, shape_of(config_, id), has_bias(config_, id));
}

bool CompressedTensorsSource::has_integer_layers() const {
  return std::ranges::any_of(schemes_, [](const auto& entry) {
    return has_integer_kernel(entry.second.weights, entry.second.activation);
  });
}

LinearWeights CompressedTensorsSource::token_table() const {
  const auto scheme = schemes_.find(kEmbeddingModule);
  if (scheme == schemes_.end()) return FolderSource::token_table();
  return read_quantized(kEmbeddingModule, scheme->second, {config_.vocab_size, config_.hidden_size}, false);
}

Tensor CompressedTensorsSource::embedding() const {
  if (has_dense_embedding()) return FolderSource::embedding();
  const LinearWeights table = token_table();
  AlignedBuffer<float> values(static_cast<size_t>(table.rows * table.cols));
  for (int64_t r = 0; r < table.rows; ++r) table.decode_row(r, values.data() + r * table.cols);
  return Tensor::from_floats({table.rows, table.cols}, values);
}

LinearWeights CompressedTensorsSource::head() const {
  const auto scheme = schemes_.find("lm_head");
  if (scheme == schemes_.end()) {
    // Tied to an embedding of codes, the head has these, too.
    return config_.tied_embeddings ? token_table() : FolderSource::head();
  }
  return read_quantized("lm_head", scheme->second, {config_.vocab_size, config_.hidden_size}, false);
}

}  // namespace fptq
