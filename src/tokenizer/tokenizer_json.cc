#include "tokenizer/tokenizer_json.h"

#include <fmt/format.h>

#include <unordered_map>

#include "fptq/error.h"
#include "tokenizer/utf8.h"

namespace fptq {
namespace {

class Writer {
 public:
  Writer(const TokenizerJson& tokenizer, const std::string& where) : t_(tokenizer), where_(where) {
    for (const auto& [token, id] : t_.vocab) ids_.emplace(token, id);
  }

  // The vocabulary and the merges are written by hand: an ordered JSON object of 150,000 keys would take
  // quadratic time to fill.
  std::string run() {
    out_ = R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":)" + added_tokens().dump();
    out_ += ",\n\"normalizer\":" + t_.normalizer.dump() + ",\n\"pre_tokenizer\":" + t_.pre_tokenizer.dump();
    out_ += ",\n\"post_processor\":" + post_processor().dump() + ",\n\"decoder\":" + t_.decoder.dump();
    const Json unknown = t_.unk_token.empty() ? Json() : Json(t_.unk_token);
    out_ += fmt::format(
        ",\n\"model\":{{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":{},\"continuing_subword_prefix\":"
        "null,"
        "\"end_of_word_suffix\":null,\"fuse_unk\":{},\"byte_fallback\":{},\"ignore_merges\":{},\n\"vocab\":{"
        "{",
        unknown.dump(), t_.fuse_unk, t_.byte_fallback, t_.ignore_merges);
    for (size_t i = 0; i < t_.vocab.size(); ++i) {
      if (i > 0) out_ += ",\n";
      quote(t_.vocab[i].first);
      out_ += ':';
      out_ += std::to_string(t_.vocab[i].second);
    }
    out_ += "},\n\"merges\":[";
    for (size_t i = 0; i < t_.merges.size(); ++i) {
      out_ += i > 0 ? ",\n[" : "[";
      quote(t_.merges[i].first);
      out_ += ",";
      quote(t_.merges[i].second);
      out_ += "]";
    }
    out_ += "]}}\n";
    return std::move(out_);
  }

 private:
  void quote(const std::string& s) {
    if (!is_valid_utf8(s)) {
      throw Error(ErrorKind::kBadModel, where_,
                  fmt::format("the token \"{}\" is not valid UTF-8", utf8_lossy(s)));
    }
    out_ += Json(s).dump();
  }

  Json added_tokens() const {
    Json list = Json::array();
    for (const AddedToken& token : t_.added) {
      list.push_back({{"id", token.id},
                      {"content", utf8_lossy(token.content)},
                      {"single_word", token.single_word},
                      {"lstrip", token.lstrip},
                      {"rstrip", token.rstrip},
                      {"normalized", token.normalized},
                      {"special", token.special}});
    }
    return list;
  }

  Json post_processor() const {
    if (t_.before.empty() && t_.after.empty()) return nullptr;
    Json single = Json::array();
    Json pair = Json::array();
    Json special = Json::object();
    const auto add_special = [&](const std::vector<std::string>& tokens, Json& list, int type) {
      for (const std::string& token : tokens) {
        const auto it = ids_.find(token);
        if (it == ids_.end())
          throw Error(ErrorKind::kBadModel, where_,
                      "special token \"" + token + "\" is not in the vocabulary");
        list.push_back({{"SpecialToken", {{"id", token}, {"type_id", type}}}});
        special[token] = {
            {"id", token}, {"ids", Json::array({it->second})}, {"tokens", Json::array({token})}};
      }
    };
    const auto add_text = [&](const char* name, Json& list, int type) {
      Json text = Json::object();
      text["Sequence"] = {{"id", name}, {"type_id", type}};
      list.push_back(text);
    };
    const auto add_all = [&](const char* name, Json& list, int type) {
      add_special(t_.before, list, type);
      add_text(name, list, type);
      add_special(t_.after, list, type);
    };
    add_all("A", single, 0);
    add_all("A", pair, 0);
    add_all("B", pair, 1);
    return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}};
  }

  const TokenizerJson& t_;
  const std::string& where_;
  std::unordered_map<std::string, int32_t> ids_;
  std::string out_;
};

}  // namespace

std::string write_tokenizer_json(const TokenizerJson& tokenizer, const std::string& where) {
  return Writer(tokenizer, where).run();
}

Json byte_level_part(bool use_regex) {
  return {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

Json split_part(const std::string& regex) {
  return {{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
}

Json sequence_part(const char* list_key, std::vector<Json> parts) {
  Json list = Json::array();
  for (Json& part : parts) list.push_back(std::move(part));
  return {{"type", "Sequence"}, {list_key, std::move(list)}};
}

}  // namespace fptq
