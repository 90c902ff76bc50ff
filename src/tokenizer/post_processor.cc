#include "tokenizer/post_processor.h"

#include "fptq/error.h"
#include "tokenizer/json_parts.h"
#include "tokenizer/vocabulary.h"

namespace fptq {
namespace {

using Layout = PostProcessor::Layout;

std::vector<int32_t> read_ids(const Json& special, const std::string& where) {
  const Json* list = json_find(special, "ids");
  if (list == nullptr || !list->is_array())
    throw Error(ErrorKind::kBadModel, where + ":ids", "expected an array of ids");
  std::vector<int32_t> ids;
  for (const Json& id : *list) {
    if (!id.is_number_integer())
      throw Error(ErrorKind::kBadModel, where + ":ids", "expected integers, found " + id.dump());
    ids.push_back(checked_token_id(id.get<int64_t>(), where + ":ids"));
  }
  return ids;
}

// A template of a single text sees what the processor before it made as a list whose first entry is sequence
// A.
Layout apply_template(const Json& part, const Layout& in, bool add_special, const std::string& where) {
  const Json* single = json_find(part, "single");
  if (single == nullptr || !single->is_array())
    throw Error(ErrorKind::kBadModel, where + ":single", "expected an array");
  Layout out;
  for (const Json& piece : *single) {
    if (json_find(piece, "Sequence") != nullptr) {
      const Json& sequence = *json_find(piece, "Sequence");
      const std::string id = json_string(sequence, "id", where + ":single.Sequence");
      if (id != "A")
        throw Error(ErrorKind::kBadModel, where + ":single", "expected sequence A, found \"" + id + "\"");
      if (!in.empty()) out.push_back(in.front());
    } else if (json_find(piece, "SpecialToken") != nullptr) {
      const std::string id =
          json_string(*json_find(piece, "SpecialToken"), "id", where + ":single.SpecialToken");
      const Json* known = json_find(part, "special_tokens");
      const Json* special = known == nullptr ? nullptr : json_find(*known, id.c_str());
      if (special == nullptr) {
        throw Error(ErrorKind::kBadModel, where + ":special_tokens",
                    "has no entry \"" + id + "\", which the template uses");
      }
      const std::vector<int32_t> ids = read_ids(*special, where + ":special_tokens." + id);
      if (add_special) out.push_back({false, ids});
    } else {
      throw Error(ErrorKind::kBadModel, where + ":single",
                  "expected Sequence or SpecialToken, found " + piece.dump());
    }
  }
  return out;
}

// ["<s>", 0]
int32_t read_pair(const Json& part, const char* key, const std::string& where) {
  const Json* pair = json_find(part, key);
  if (pair == nullptr || !pair->is_array() || pair->size() != 2 || !(*pair)[1].is_number_integer()) {
    throw Error(ErrorKind::kBadModel, where + ":" + key, "expected [token, id]");
  }
  return checked_token_id((*pair)[1].get<int64_t>(), where + ":" + key);
}

Layout enclose(const Json& part, Layout in, bool add_special, const std::string& where) {
  const int32_t first = read_pair(part, "cls", where);
  const int32_t last = read_pair(part, "sep", where);
  if (!add_special) return in;
  in.insert(in.begin(), {false, {first}});
  in.push_back({false, {last}});
  return in;
}

Layout read_layout(const Json* json, bool add_special, const std::string& where) {
  Layout layout{{true, {}}};
  for_each_part(json, "processors", where,
                [&](const std::string& type, const Json& part, const std::string& place) {
                  if (type == "TemplateProcessing") {
                    layout = apply_template(part, layout, add_special, place);
                  } else if (type == "RobertaProcessing" || type == "BertProcessing") {
                    layout = enclose(part, std::move(layout), add_special, place);
                  } else if (type != "ByteLevel") {  // which moves offsets only
                    refuse_part(type, place,
                                "TemplateProcessing, ByteLevel, RobertaProcessing, BertProcessing, Sequence");
                  }
                });
  return layout;
}

}  // namespace

PostProcessor::PostProcessor(const Json* json, const std::string& where)
    : with_special_(read_layout(json, true, where)), without_special_(read_layout(json, false, where)) {}

std::vector<int32_t> PostProcessor::process(std::vector<int32_t> text_ids, bool add_special_tokens) const {
  const Layout& layout = add_special_tokens ? with_special_ : without_special_;
  if (layout.size() == 1 && layout.front().is_text) return text_ids;
  std::vector<int32_t> out;
  out.reserve(text_ids.size() + 8);
  for (const Item& item : layout) {
    const std::vector<int32_t>& ids = item.is_text ? text_ids : item.ids;
    out.insert(out.end(), ids.begin(), ids.end());
  }
  return out;
}

}  // namespace fptq
