#include "formats/folder_companions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/file_io.h"
#include "fptq/error.h"
#include "io/checkpoint_folder.h"

namespace fptq {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 7> kCopied = {
    "special_tokens_map.json", "added_tokens.json",   "vocab.json",        "merges.txt",
    "tokenizer.model",         "chat_template.jinja", "chat_template.json"};
constexpr std::array<std::string_view, 3> kCopiedPrefixes = {"LICENSE", "NOTICE", "USE_POLICY"};

struct KvName {
  const char* name;
  KvType type;
};
constexpr std::array<KvName, 4> kKvNames = {
    {{"float", KvType::kFloat}, {"f16", KvType::kHalf}, {"int8", KvType::kInt8}, {"fp8", KvType::kFloat8}}};

bool is_copied(const std::string& name) {
  if (std::find(kCopied.begin(), kCopied.end(), name) != kCopied.end()) return true;
  return std::any_of(kCopiedPrefixes.begin(), kCopiedPrefixes.end(),
                     [&](auto p) { return name.starts_with(p); });
}

Json read_json(const fs::path& folder, const char* name) {
  if (!fs::exists(folder / name)) return nullptr;
  const fs::path path = file_within(folder, name);
  return parse_json(read_text_file(path), path.string());
}

// A string, or a list of {name, template} of which "default" is the one to use.
std::string template_of(const Json& tokenizer_config) {
  const Json* value = json_find(tokenizer_config, "chat_template");
  if (value == nullptr) return {};
  if (value->is_string()) return value->get<std::string>();
  if (!value->is_array()) return {};
  for (const Json& entry : *value) {
    const Json* name = json_find(entry, "name");
    const Json* text = json_find(entry, "template");
    if (name != nullptr && *name == "default" && text != nullptr && text->is_string())
      return text->get<std::string>();
  }
  return {};
}

}  // namespace

Companions read_companions(const fs::path& folder, const Json& config) {
  Companions out;
  out.config = config;
  out.config.erase("quantization_config");
  out.generation_config = read_json(folder, "generation_config.json");
  out.tokenizer_config = read_json(folder, "tokenizer_config.json");
  out.chat_template = fs::exists(folder / "chat_template.jinja")
                          ? read_text_file(file_within(folder, "chat_template.jinja"))
                          : template_of(out.tokenizer_config);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (is_copied(name) && entry.is_regular_file()) out.copied_files.push_back(file_within(folder, name));
  }
  std::sort(out.copied_files.begin(), out.copied_files.end());
  return out;
}

std::vector<int32_t> generation_eos_ids(const Companions& companions, const std::string& where) {
  const Json* value = json_find(companions.generation_config, "eos_token_id");
  if (value == nullptr) return {};
  std::vector<int32_t> ids;
  for (const Json& id : value->is_array() ? *value : Json::array({*value})) {
    if (!id.is_number_integer() || id < 0 || id > INT32_MAX) {
      throw Error(ErrorKind::kBadModel, where + ":eos_token_id",
                  "expected a token id or a list of them, found " + id.dump().substr(0, 40));
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

KvType wanted_kv(const fs::path& folder) {
  const Json recipe = read_json(folder, "fptq_recipe.json");
  const std::string where = (folder / "fptq_recipe.json").string();
  const std::string name = json_string(recipe, "kv_cache", where, kKvNames.front().name);
  const auto found = std::ranges::find(kKvNames, name, &KvName::name);
  if (found != kKvNames.end()) return found->type;
  throw Error(ErrorKind::kBadModel, where + ":kv_cache",
              fmt::format("expected float, f16, int8 or fp8, found \"{}\"", name.substr(0, 40)));
}

const char* recipe_kv_name(KvType type) {
  return std::ranges::find(kKvNames, type, &KvName::type)->name;
}

std::vector<std::string> custom_code_warnings(const fs::path& folder, const Json& config) {
  std::vector<std::string> out;
  if (json_find(config, "auto_map") != nullptr) {
    out.push_back("config.json names custom code (auto_map); it is ignored and never run");
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".py") continue;
    out.push_back("Python files came with the model; they are ignored and never run");
    break;
  }
  return out;
}

}  // namespace fptq
