// What a task asks, in words.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace fptq {

// One line of a data set, whatever its layout. Members that a data set does not have are empty.
struct Item {
  std::string passage = {};
  std::string question = {};
  std::vector<std::string> choices = {};
  int64_t answer = 0;  // index of the right choice

  bool operator==(const Item&) const = default;
};

// An item as lm-evaluation-harness puts it to a model: doc_to_text, doc_to_choice and doc_to_target of its
// task. Either one context is followed by each of the choices, or each context by the only choice
// (WinoGrande, whose contexts have the blank filled in).
struct Question {
  std::vector<std::string> contexts = {};
  std::vector<std::string> choices = {};
  int64_t answer = 0;  // index of the right request

  int64_t requests() const { return std::max(std::ssize(contexts), std::ssize(choices)); }
  const std::string& context(int64_t i) const { return of(contexts, i); }
  const std::string& choice(int64_t i) const { return of(choices, i); }

 private:
  static const std::string& of(const std::vector<std::string>& texts, int64_t i) {
    return texts[static_cast<size_t>(std::min(i, std::ssize(texts) - 1))];
  }
};

}  // namespace fptq
