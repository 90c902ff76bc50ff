#include "tasks/batches.h"

#include <algorithm>

namespace fptq {
namespace {

// Enough tokens for matrix products to run at speed; caches of a batch hold at most kCached tokens unless one
// question alone needs more.
constexpr int64_t kTokens = 1024;
constexpr int64_t kCached = 4096;
constexpr int64_t kQuestions = 32;

bool is_whole(const RequestGroup& group) {
  return std::ranges::none_of(group, &TokenRequest::truncated);
}

// Ids that all requests begin with, without the last one that is not scored: its hidden state is needed.
int64_t common_prefix(std::span<const RequestGroup> groups) {
  const RequestGroup* first = nullptr;
  int64_t shared = 0;
  for (const RequestGroup& group : groups) {
    if (!is_whole(group)) continue;
    if (first == nullptr) {
      first = &group;
      shared = group.front().inputs();
    }
    for (const TokenRequest& request : group) {
      const auto begin = first->front().ids.begin();
      const int64_t most = std::min(shared, request.scored_from - 1);
      shared = std::mismatch(begin, begin + most, request.ids.begin()).first - begin;
    }
  }
  return shared;
}

// Tokens that a group adds to the prefix: the shared context and its longest continuation.
int64_t own_tokens(const RequestGroup& group, int64_t prefix) {
  int64_t longest = 0;
  for (const TokenRequest& request : group) longest = std::max(longest, request.inputs());
  return longest - prefix;
}

}  // namespace

std::vector<Batch> plan_batches(std::span<const RequestGroup> groups) {
  const int64_t prefix = common_prefix(groups);
  std::vector<Batch> batches;
  int64_t tokens = 0, cached = 0;
  bool open = false;
  for (int64_t n = 0; n < std::ssize(groups); ++n) {
    const RequestGroup& group = groups[static_cast<size_t>(n)];
    if (!is_whole(group)) {
      batches.push_back({n, n + 1, 0});
      open = false;
      continue;
    }
    const int64_t own = own_tokens(group, prefix);
    const bool fits = open && tokens + own <= kTokens && cached + prefix + own <= kCached &&
                      n - batches.back().begin < kQuestions;
    if (!fits) {
      batches.push_back({n, n, prefix});
      tokens = cached = 0;
      open = true;
    }
    batches.back().end = n + 1;
    tokens += own;
    cached += prefix + own;
  }
  return batches;
}

}  // namespace fptq
