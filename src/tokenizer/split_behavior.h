// What becomes of the delimiters when a text is split at them.
#pragma once

#include <string>
#include <vector>

#include "tokenizer/pieces.h"

namespace fptq {

enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

// Accepts "Removed", "Isolated", ... as tokenizer.json spells them; throws Error(kBadModel, where) otherwise.
SplitBehavior parse_split_behavior(const std::string& name, const std::string& where);

struct Part {
  Span span;
  bool is_delimiter;
};

// `parts` cover a text in order; appends the spans that it is split into.
void split_parts(const std::vector<Part>& parts, SplitBehavior behavior, std::vector<Span>& out);

}  // namespace fptq
