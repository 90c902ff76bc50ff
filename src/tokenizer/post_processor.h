// The "post_processor" of a tokenizer.json: what is put around the ids of a text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace fptq {

// Immutable and thread-safe. Supports TemplateProcessing, ByteLevel, RobertaProcessing, BertProcessing and
// sequences of them. Their work is done once: what remains is a list of places for the text and of fixed ids.
class PostProcessor {
 public:
  // `json` may be null: the ids of the text and nothing else.
  PostProcessor(const Json* json, const std::string& where);

  std::vector<int32_t> process(std::vector<int32_t> text_ids, bool add_special_tokens) const;

  struct Item {
    bool is_text = false;
    std::vector<int32_t> ids;  // when it is not the text
  };
  using Layout = std::vector<Item>;

 private:
  Layout with_special_, without_special_;
};

}  // namespace fptq
