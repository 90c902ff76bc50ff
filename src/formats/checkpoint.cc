#include "formats/checkpoint.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <string_view>

#include "base/file_io.h"
#include "base/mapped_file.h"
#include "formats/bitsandbytes_reader.h"
#include "formats/compressed_tensors_reader.h"
#include "formats/folder_companions.h"
#include "formats/gguf_source.h"
#include "formats/huggingface.h"
#include "fptq/error.h"
#include "io/checkpoint_folder.h"
#include "io/foreign_file.h"
#include "model/family.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void refuse(const fs::path& path, const std::string& what, const std::string& fix = {}) {
  throw Error(ErrorKind::kBadModel, path.string(), what, fix);
}

// A directory whose config.json was parsed, with its family's reading of it.
struct Folder {
  fs::path path;
  std::string config_path;
  Json json;
  const Json* quantization = nullptr;
  ValueChecks checks = ValueChecks::kAll;
};

Folder read_folder(const fs::path& path) {
  if (!fs::exists(path / "config.json")) {
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".gguf")
        refuse(path, "has no config.json", "give the path of " + entry.path().filename().string());
    }
    refuse(path, "has no config.json, so it is not a Hugging Face model directory");
  }
  const fs::path config_path = file_within(path, "config.json");
  Folder folder;
  folder.path = path;
  folder.config_path = config_path.string();
  folder.json = parse_json(read_text_file(config_path), folder.config_path);
  if (!folder.json.is_object()) refuse(config_path, "expected a JSON object");
  return folder;
}

ModelConfig read_config(const Folder& folder, const Companions& companions) {
  ModelConfig config =
      find_family(folder.json, folder.config_path).from_json(folder.json, folder.config_path);
  std::vector<int32_t> eos =
      generation_eos_ids(companions, (folder.path / "generation_config.json").string());
  if (!eos.empty()) config.eos_ids = std::move(eos);
  return config;
}

MaybeTokenizer folder_tokenizer(const fs::path& path) {
  for (const char* name : {"tokenizer.json", "tokenizer.model", "vocab.json"}) {
    if (fs::exists(path / name)) return {Tokenizer::from_directory(path), path.string()};
  }
  return {nullptr, path.string()};
}

template <typename Source>
void take_weights(std::shared_ptr<const Source> source, Checkpoint& out) {
  out.file_bytes = source->file_bytes();
  out.warnings.insert(out.warnings.end(), source->warnings().begin(), source->warnings().end());
  out.weights = std::move(source);
}

void open_huggingface(const Folder& folder, Checkpoint& out) {
  take_weights(std::make_shared<const HuggingFaceSource>(folder.path, read_config(folder, out.companions)),
               out);
}

void open_compressed_tensors(const Folder& folder, Checkpoint& out) {
  out.quantized = true;
  out.kv = wanted_kv(folder.path);
  auto source = std::make_shared<const CompressedTensorsSource>(
      folder.path, read_config(folder, out.companions), *folder.quantization, folder.config_path,
      folder.checks);
  out.integer_layers = source->has_integer_layers();
  take_weights(std::move(source), out);
}

void open_bitsandbytes(const Folder& folder, Checkpoint& out) {
  out.quantized = true;
  out.kv = wanted_kv(folder.path);
  take_weights(
      std::make_shared<const BitsAndBytesSource>(folder.path, read_config(folder, out.companions),
                                                 *folder.quantization, folder.config_path, folder.checks),
      out);
}

struct FolderFormat {
  const char* name;
  const char* quant_method;  // of config.json's quantization_config; null: there is none
  void (*open)(const Folder& folder, Checkpoint& out);
};
constexpr std::array<FolderFormat, 3> kFolderFormats = {
    {{"huggingface", nullptr, open_huggingface},
     {"compressed-tensors", "compressed-tensors", open_compressed_tensors},
     {"bitsandbytes", "bitsandbytes", open_bitsandbytes}}};

const FolderFormat& format_of(const Folder& folder) {
  if (folder.quantization == nullptr) return kFolderFormats.front();
  const std::string where = folder.config_path + ":quantization_config";
  const std::string method = json_string(*folder.quantization, "quant_method", where);
  for (const FolderFormat& format : kFolderFormats) {
    if (format.quant_method != nullptr && method == format.quant_method) return format;
  }
  throw Error(
      ErrorKind::kBadModel, where + ".quant_method",
      fmt::format("the model is already quantized with \"{}\", which is not supported", method.substr(0, 60)),
      "use the original model in F32, F16 or BF16, or one in compressed-tensors' format or in NF4");
}

// More ids than rows of the embedding is a fault that shows only when such an id comes up.
void check_vocabulary(Checkpoint& checkpoint) {
  if (!checkpoint.tokenizer) return;
  const int64_t ids = checkpoint.tokenizer->vocab_size(), rows = checkpoint.weights->config().vocab_size;
  if (ids <= rows) return;
  checkpoint.warnings.push_back(fmt::format("the tokenizer knows {} ids, the model {}", ids, rows));
}

Checkpoint open_folder(const fs::path& path, ValueChecks checks) {
  Folder folder = read_folder(path);
  folder.checks = checks;
  folder.quantization = json_find(folder.json, "quantization_config");
  const FolderFormat& format = format_of(folder);
  Checkpoint out;
  out.format = format.name;
  out.path = path;
  out.companions = read_companions(path, folder.json);
  out.warnings = custom_code_warnings(path, folder.json);
  format.open(folder, out);
  out.tokenizer = folder_tokenizer(path);
  check_vocabulary(out);
  return out;
}

Checkpoint open_gguf(const fs::path& path) {
  auto source = std::make_shared<const GgufSource>(GgufFile::open(path));
  Checkpoint out;
  out.format = "gguf";
  out.path = path;
  out.companions = gguf_companions(*source);
  out.tokenizer = gguf_tokenizer(*source);
  out.file_bytes = source->file().file().size();
  out.weights = std::move(source);
  check_vocabulary(out);
  return out;
}

[[noreturn]] void refuse_file(const fs::path& path, std::span<const std::byte> bytes) {
  if (path.extension() == ".safetensors" || path.filename() == kIndexFile ||
      path.filename() == "config.json") {
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    refuse(path, "is one file of a model", "give its directory: " + folder.string());
  }
  const ForeignFile foreign = recognize_foreign_file(bytes);
  if (!foreign.what.empty()) refuse(path, foreign.what, foreign.fix);
  refuse(path, "is neither a GGUF file nor a Hugging Face model directory");
}

}  // namespace

const std::shared_ptr<const Tokenizer>& MaybeTokenizer::get() const {
  if (!tokenizer_) {
    throw Error(ErrorKind::kBadModel, where_, "has no tokenizer",
                "add the tokenizer.json that belongs to the model");
  }
  return tokenizer_;
}

Checkpoint open_checkpoint(const fs::path& path, ValueChecks checks) {
  std::error_code ec;
  const fs::file_status status = fs::status(path, ec);
  if (!fs::exists(status)) throw Error(ErrorKind::kIo, path.string(), "no such file or directory");
  if (fs::is_directory(status)) return open_folder(path, checks);
  const MappedFile file(path);
  const std::span<const std::byte> bytes = file.bytes();
  constexpr std::string_view kMagic = "GGUF";
  if (bytes.size() < kMagic.size() || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    refuse_file(path, bytes);
  return open_gguf(path);
}

}  // namespace fptq
