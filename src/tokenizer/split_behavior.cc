#include "tokenizer/split_behavior.h"

#include <algorithm>
#include <iterator>

#include "fptq/error.h"

namespace fptq {

SplitBehavior parse_split_behavior(const std::string& name, const std::string& where) {
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  throw Error(
      ErrorKind::kBadModel, where + ":behavior",
      "expected Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous, found \"" + name + "\"");
}

void split_parts(const std::vector<Part>& parts, SplitBehavior behavior, std::vector<Span>& out) {
  const size_t first = out.size();
  bool last_was_delimiter = false;
  switch (behavior) {
    case SplitBehavior::kRemoved:
      for (const Part& p : parts) {
        if (!p.is_delimiter) out.push_back(p.span);
      }
      break;
    case SplitBehavior::kIsolated:
      for (const Part& p : parts) out.push_back(p.span);
      break;
    case SplitBehavior::kContiguous:
      for (const Part& p : parts) {
        if (p.is_delimiter == last_was_delimiter && out.size() > first) {
          out.back().end = p.span.end;
        } else {
          out.push_back(p.span);
        }
        last_was_delimiter = p.is_delimiter;
      }
      break;
    case SplitBehavior::kMergedWithPrevious:
      for (const Part& p : parts) {
        if (p.is_delimiter && !last_was_delimiter && out.size() > first) {
          out.back().end = p.span.end;
        } else {
          out.push_back(p.span);
        }
        last_was_delimiter = p.is_delimiter;
      }
      break;
    case SplitBehavior::kMergedWithNext:
      for (auto p = parts.rbegin(); p != parts.rend(); ++p) {
        if (p->is_delimiter && !last_was_delimiter && out.size() > first) {
          out.back().begin = p->span.begin;
        } else {
          out.push_back(p->span);
        }
        last_was_delimiter = p->is_delimiter;
      }
      std::reverse(std::next(out.begin(), static_cast<std::ptrdiff_t>(first)), out.end());
      break;
  }
}

}  // namespace fptq
