#include "formats/bitsandbytes_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "base/json.h"
#include "fptq/error.h"
#include "tensor/normal_float4.h"

namespace fptq {
namespace {

constexpr JsonLimits kStateLimits = {.max_bytes = 1 << 16, .max_depth = 8};

[[noreturn]] void bad(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::kBadModel, where, what);
}

const char* torch_name(DType dtype) {
  return dtype == DType::kF16 ? "float16" : dtype == DType::kBF16 ? "bfloat16" : "float32";
}

Tensor text_tensor(const std::string& text) {
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(DType::kU8, {std::ssize(text)}, &data);
  std::memcpy(data, text.data(), text.size());
  return t;
}

Json read_state(const FolderTensors& tensors, const std::string& module) {
  const Tensor t = tensors.read(module + kNf4State);
  const std::string_view text(reinterpret_cast<const char*>(t.bytes().data()), t.bytes().size());
  const std::string where = tensors.where(module + kNf4State);
  Json state = parse_json(text, where, kStateLimits);
  if (!state.is_object()) bad(where, "expected a JSON object");
  return state;
}

void expect_text(const Json& state, const char* key, const char* expected, const std::string& where) {
  const std::string found = json_string(state, key, where);
  if (found != expected) {
    bad(where + ":" + key, fmt::format("expected \"{}\", found \"{}\"", expected, found.substr(0, 60)));
  }
}

}  // namespace

std::vector<NamedTensor> bitsandbytes_tensors(const std::string& module, const LinearWeights& linear,
                                              DType dtype) {
  if (linear.activation.mode != ActivationMode::kFloat) {
    throw Error(ErrorKind::kFailure, module,
                "NF4 with quantized inputs has no form in a file (an internal error)");
  }
  Json state = {{"quant_type", "nf4"},
                {"blocksize", linear.spec.group_size},
                {"dtype", torch_name(dtype)},
                {"shape", {linear.rows, linear.cols}}};
  std::vector<NamedTensor> out = {{module + ".weight", linear.codes},
                                  {module + ".weight.absmax", linear.scales},
                                  {module + ".weight.quant_map", Tensor::from_floats({16}, kNormalFloat4)}};
  if (linear.spec.nested) {
    state["nested_blocksize"] = NestedScales::kBlock;
    state["nested_dtype"] = "float32";
    state["nested_offset"] = static_cast<double>(linear.nested.offset);
    out.push_back({module + ".weight.nested_absmax", linear.nested.absmax});
    out.push_back({module + ".weight.nested_quant_map", linear.nested.map});
  }
  out.push_back({module + kNf4State, text_tensor(state.dump())});
  return out;
}

WeightSpec expect_bitsandbytes(FolderTensors& tensors, const std::string& module, int64_t rows,
                               int64_t cols) {
  tensors.accept(module + kNf4State);
  const Json state = read_state(tensors, module);
  const std::string where = tensors.where(module + kNf4State);
  expect_text(state, "quant_type", "nf4", where);
  const Json* shape = json_find(state, "shape");
  if (shape == nullptr || *shape != Json({rows, cols})) {
    bad(where + ":shape", fmt::format("expected [{}, {}], found {}", rows, cols,
                                      shape == nullptr ? "nothing" : shape->dump().substr(0, 60)));
  }
  WeightSpec spec{
      .bits = 4, .group_size = json_int(state, "blocksize", where), .type = CodeType::kNormalFloat4};
  const auto size = static_cast<uint64_t>(spec.group_size);
  if (!std::has_single_bit(size) || size < 32 || size > 4096)  // what bitsandbytes accepts
    bad(where + ":blocksize", fmt::format("found {}", spec.group_size));
  spec.nested = tensors.contains(module + ".weight.nested_absmax");

  const int64_t weights = rows * cols, blocks = (weights + spec.group_size - 1) / spec.group_size;
  tensors.expect(module + ".weight", {{(weights + 1) / 2, 1}}, {DType::kU8});
  tensors.expect(module + ".weight.absmax", {{blocks}}, {spec.nested ? DType::kU8 : DType::kF32});
  const std::string map = module + ".weight.quant_map";
  tensors.expect(map, {{16}}, {DType::kF32});
  if (!std::ranges::equal(tensors.read(map).to_floats(), kNormalFloat4))
    bad(tensors.where(map), "is not the table of NF4");
  if (!spec.nested) return spec;
  if (json_int(state, "nested_blocksize", where) != NestedScales::kBlock)
    bad(where + ":nested_blocksize", fmt::format("expected {}", NestedScales::kBlock));
  expect_text(state, "nested_dtype", "float32", where);
  json_number(state, "nested_offset", where);
  const int64_t outer = (blocks + NestedScales::kBlock - 1) / NestedScales::kBlock;
  tensors.expect(module + ".weight.nested_absmax", {{outer}}, {DType::kF32});
  tensors.expect(module + ".weight.nested_quant_map", {{256}}, {DType::kF32});
  return spec;
}

LinearWeights read_bitsandbytes(const FolderTensors& tensors, const std::string& module, int64_t rows,
                                int64_t cols, const WeightSpec& spec) {
  LinearWeights out;
  out.rows = rows;
  out.cols = cols;
  out.spec = spec;
  out.codes = tensors.read(module + ".weight");
  out.scales = tensors.read(module + ".weight.absmax");
  if (spec.nested) {
    const Json state = read_state(tensors, module);
    out.nested.absmax = tensors.read(module + ".weight.nested_absmax");
    out.nested.map = tensors.read(module + ".weight.nested_quant_map");
    out.nested.offset =
        static_cast<float>(json_number(state, "nested_offset", tensors.where(module + kNf4State)));
  }
  out.validate(tensors.where(module));
  return out;
}

}  // namespace fptq
