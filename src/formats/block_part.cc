#include "formats/block_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/file_io.h"
#include "base/hash.h"
#include "base/json.h"
#include "formats/bitsandbytes_tensors.h"
#include "formats/code_packing.h"
#include "fptq/error.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void bug(const std::string& module, const std::string& what) {
  throw Error(ErrorKind::kFailure, module, what + " (an internal error)");
}

Tensor viewed_as(const Tensor& t, DType dtype, Shape shape) {
  return Tensor({dtype, std::move(shape), t.bytes()}, std::make_shared<const Tensor>(t));
}

Tensor first_element(const Tensor& t) {
  const size_t bytes = dtype_info(t.dtype()).block_bytes;
  return Tensor({t.dtype(), {1}, t.bytes().first(bytes)}, std::make_shared<const Tensor>(t));
}

Tensor shape_tensor(int64_t rows, int64_t cols) {
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(DType::kI64, {2}, &data);
  const int64_t values[2] = {rows, cols};
  std::memcpy(data, values, sizeof values);
  return t;
}

Tensor input_scale(const std::string& module, float scale, DType dtype) {
  const Tensor stored = converted(Tensor::from_floats({1}, std::span(&scale, 1)), dtype);
  if (stored.to_floats()[0] != scale) {
    bug(module, fmt::format("input scale {} was not rounded to {} before it was used", scale,
                            dtype_info(dtype).name));
  }
  return stored;
}

Tensor input_zero_point(int32_t zero_point) {
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(DType::kI8, {1}, &data);
  *data = static_cast<std::byte>(zero_point);
  return t;
}

Json to_json(const BlockForms& forms) {
  Json list = Json::array();
  for (const LinearForm& f : forms) {
    list.push_back({f.weights.bits, f.weights.group_size, f.weights.symmetric,
                    static_cast<int>(f.weights.type), f.weights.per_tensor, f.weights.nested,
                    static_cast<int>(f.activation), f.activation_symmetric,
                    static_cast<int>(f.activation_type), f.activation_bits});
  }
  return list;
}

// Written by ourselves and covered by the checksum; anything odd only means that the part is not used.
BlockForms from_json(const Json& list) {
  BlockForms forms;
  for (size_t i = 0; i < forms.size(); ++i) {
    const Json& f = list.at(i);
    forms[i].weights = {f.at(0).get<int>(),  f.at(1).get<int64_t>(),
                        f.at(2).get<bool>(), static_cast<CodeType>(f.at(3).get<int>()),
                        f.at(4).get<bool>(), f.at(5).get<bool>()};
    forms[i].activation = static_cast<ActivationMode>(f.at(6).get<int>());
    forms[i].activation_symmetric = f.at(7).get<bool>();
    forms[i].activation_type = static_cast<CodeType>(f.at(8).get<int>());
    forms[i].activation_bits = f.at(9).get<int>();
  }
  return forms;
}

void add_to_hash(Hasher& hasher, const std::string& name, const Tensor& t) {
  hasher.add(fmt::format("{} {} {}\n", name, dtype_info(t.dtype()).name, to_string(t.shape())))
      .add(t.bytes());
}

}  // namespace

LinearForm form_of(const LinearWeights& linear) {
  const ActivationSpec& a = linear.activation;
  return {linear.spec, a.mode, a.symmetric, a.type, a.bits};
}

Tensor converted(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  std::byte* data = nullptr;
  Tensor out = Tensor::allocate(dtype, t.shape(), &data);
  const int64_t cols = t.view().row_elements();
  const size_t row_bytes = out.view().row_bytes();
  // A tensor of rank 1 has rows of one element, which no block type has: it is one row.
  const bool flat = t.shape().size() < 2;
  const int64_t rows = flat ? 1 : t.view().rows(), width = flat ? element_count(t.shape(), "tensor") : cols;
  AlignedBuffer<float> row(static_cast<size_t>(width));
  for (int64_t r = 0; r < rows; ++r) {
    decode_row(t.dtype(), flat ? t.bytes().data() : t.view().row(r), row.data(), width);
    encode_row(dtype, row.data(), data + static_cast<size_t>(r) * row_bytes, width);
  }
  return out;
}

bool is_stored_plain(const LinearForm& form) {
  if (form.weights.type == CodeType::kFloat8E4M3 || form.weights.type == CodeType::kFloat8E5M2) return true;
  // W8A8 is read everywhere as int-quantized, and only there; all other integers are packed.
  return form.weights.bits == 8 && form.activation != ActivationMode::kFloat;
}

std::vector<NamedTensor> linear_tensors(const std::string& module, const LinearWeights& linear, DType dtype) {
  std::vector<NamedTensor> out;
  if (linear.bias) out.push_back({module + ".bias", converted(linear.bias, dtype)});
  if (linear.spec.dense()) {
    out.push_back({module + ".weight", converted(linear.weight, dtype)});
    return out;
  }
  linear.validate(module);
  if (linear.spec.type == CodeType::kNormalFloat4) {
    for (NamedTensor& t : bitsandbytes_tensors(module, linear, dtype)) out.push_back(std::move(t));
    return out;
  }
  if (linear.scales.dtype() != dtype) {
    bug(module, fmt::format("scales of type {} instead of {}", dtype_info(linear.scales.dtype()).name,
                            dtype_info(dtype).name));
  }
  // transformers initializes an Embedding through its `weight`, and fails where there is only weight_packed.
  const bool plain = module == kEmbeddingModule || is_stored_plain(form_of(linear));
  if (plain) {
    out.push_back({module + ".weight", linear.codes});
  } else {
    const int64_t words = packed_words(linear.cols, linear.spec.bits);
    out.push_back({module + ".weight_packed",
                   linear.spec.bits == 8 ? pack_codes8(linear.codes)
                                         : viewed_as(linear.codes, DType::kI32, {linear.rows, words})});
    out.push_back({module + ".weight_shape", shape_tensor(linear.rows, linear.cols)});
  }
  const bool one = linear.spec.per_tensor;
  out.push_back({module + ".weight_scale", one ? first_element(linear.scales) : linear.scales});
  if (linear.zero_points) {
    // One for all is not packed.
    out.push_back(
        {module + ".weight_zero_point", one     ? first_element(linear.zero_points)
                                        : plain ? linear.zero_points
                                                : pack_zero_points(linear.zero_points, linear.spec.bits)});
  }
  if (linear.activation.mode == ActivationMode::kStaticTensor) {
    out.push_back({module + ".input_scale", input_scale(module, linear.activation.scale, dtype)});
    if (!linear.activation.symmetric) {
      out.push_back({module + ".input_zero_point", input_zero_point(linear.activation.zero_point)});
    }
  }
  return out;
}

LinearWeights read_linear(const BlockPart& part, const std::string& module, const LinearForm& form) {
  const auto stored = [&](const char* name) { return part.file.tensor(module + name); };
  const auto has = [&](const std::string& name) {
    return std::ranges::any_of(part.file.tensors(), [&](const StoredTensor& t) { return t.name == name; });
  };
  LinearWeights out;
  if (has(module + ".bias")) out.bias = stored(".bias");
  if (form.weights.dense()) {
    out.weight = stored(".weight");
    out.rows = out.weight.shape().front();
    out.cols = out.weight.shape().back();
    return out;
  }
  if (form.weights.type != CodeType::kInteger || form.weights.per_tensor)
    bug(module, "only integers with scales of rows or groups are read back");
  out.spec = form.weights;
  out.scales = stored(".weight_scale");
  const bool plain = is_stored_plain(form);
  if (plain) {
    out.codes = stored(".weight");
    out.rows = out.codes.shape().front();
    out.cols = out.codes.shape().back();
  } else {
    int64_t shape[2];
    std::memcpy(shape, stored(".weight_shape").bytes().data(), sizeof shape);
    out.rows = shape[0];
    out.cols = shape[1];
    out.codes = codes_of_words(stored(".weight_packed"), out.cols, form.weights.bits);
  }
  if (!form.weights.symmetric) {
    const Tensor zeros = stored(".weight_zero_point");
    out.zero_points = plain ? zeros : unpack_zero_points(zeros, out.rows, form.weights.bits);
  }
  ActivationSpec& input = out.activation;
  input = {.mode = form.activation,
           .symmetric = form.activation_symmetric,
           .type = form.activation_type,
           .bits = form.activation_bits};
  if (input.mode == ActivationMode::kStaticTensor) {
    input.scale = stored(".input_scale").to_floats()[0];
    if (!input.symmetric) input.zero_point = static_cast<int8_t>(stored(".input_zero_point").bytes().front());
  }
  out.validate(module);
  return out;
}

void write_block_part(const fs::path& path, const std::vector<NamedTensor>& tensors, const BlockForms& forms,
                      const std::string& fingerprint) {
  std::vector<TensorInfo> infos;
  Hasher hasher;
  const std::string described = to_json(forms).dump();
  hasher.add(described);
  for (const NamedTensor& t : tensors) {
    infos.push_back({t.name, t.tensor.dtype(), t.tensor.shape()});
    add_to_hash(hasher, t.name, t.tensor);
  }
  std::string names;  // the hash goes over the tensors in this order, the file has its own
  for (const NamedTensor& t : tensors) names += t.name + "\n";
  fs::path temporary = path;
  temporary += ".tmp";
  SafetensorsWriter writer(
      temporary, infos,
      {{"fingerprint", fingerprint}, {"forms", described}, {"names", names}, {"hash", hasher.hex()}});
  for (const NamedTensor& t : tensors) writer.write(t.name, t.tensor.bytes());
  writer.commit();
  move_into_place(temporary, path);
}

std::optional<BlockPart> read_block_part(const fs::path& path, const std::string& fingerprint) {
  if (!fs::exists(path)) return std::nullopt;
  try {
    SafetensorsFile file = SafetensorsFile::open(path);
    const std::map<std::string, std::string>& metadata = file.metadata();
    if (metadata.at("fingerprint") != fingerprint) return std::nullopt;
    Hasher hasher;
    hasher.add(metadata.at("forms"));
    const std::string& names = metadata.at("names");
    size_t count = 0;
    for (size_t begin = 0; begin < names.size(); ++count) {
      const size_t end = names.find('\n', begin);
      const std::string name = names.substr(begin, end - begin);
      add_to_hash(hasher, name, file.tensor(name));
      file.release(name);
      if (end == std::string::npos) break;
      begin = end + 1;
    }
    if (count != file.tensors().size() || hasher.hex() != metadata.at("hash")) return std::nullopt;
    const BlockForms forms = from_json(parse_json(metadata.at("forms"), path.string()));
    return BlockPart{std::move(file), forms};
  } catch (const Error&) {
    return std::nullopt;
  } catch (const std::out_of_range&) {  // a key of the metadata is missing
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace fptq
