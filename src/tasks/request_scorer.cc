#include "tasks/request_scorer.h"

#include <algorithm>
#include <cstring>

#include "eval/logit_math.h"
#include "fptq/error.h"

namespace fptq {
namespace {

// Tokens of a prefix that pass at a time, and rows whose logits exist at a time: as in eval/ and runtime/.
constexpr int64_t kPrefillChunk = 512;
constexpr int64_t kRows = 64;

std::span<const int32_t> part(const std::vector<int32_t>& ids, int64_t begin, int64_t end) {
  return std::span(ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
}

}  // namespace

int64_t shared_length(const RequestGroup& group) {
  const std::vector<int32_t>& first = group.front().ids;
  int64_t shared = group.front().inputs();
  for (const TokenRequest& request : group) {
    const int64_t most = std::min(shared, request.inputs());
    shared = std::mismatch(first.begin(), first.begin() + most, request.ids.begin()).first - first.begin();
  }
  return shared;
}

RequestScorer::RequestScorer(Model& model, KvType kv)
    : model_(model), kv_(kv), prefix_cache_(model.make_cache(kv)) {}

void RequestScorer::forward(std::span<const SequenceInput> batch) {
  model_.forward(batch);
  for (const SequenceInput& input : batch) computed_ += std::ssize(input.ids);
}

void RequestScorer::read_prefix(std::span<const int32_t> prefix) {
  if (std::ranges::equal(prefix, prefix_)) return;
  prefix_.assign(prefix.begin(), prefix.end());
  ++prefix_number_;
  prefix_cache_.truncate(0);
  for (int64_t at = 0; at < std::ssize(prefix_); at += kPrefillChunk) {
    const SequenceInput input{part(prefix_, at, std::min(at + kPrefillChunk, std::ssize(prefix_))),
                              &prefix_cache_};
    forward({&input, 1});
  }
}

void RequestScorer::rewind(Slot& slot, int64_t prefix) {
  if (prefix > 0 && slot.prefix != prefix_number_) {
    slot.cache.copy_from(prefix_cache_);
    slot.prefix = prefix_number_;
  } else {
    slot.cache.truncate(prefix);
    if (prefix == 0) slot.prefix = -1;
  }
}

std::vector<std::vector<RequestScore>> RequestScorer::score(std::span<const RequestGroup> groups,
                                                            std::span<const int32_t> prefix) {
  const int64_t begin = std::ssize(prefix);
  // An empty prefix leaves the last one in its cache for the next batch that has it.
  if (begin > 0) read_prefix(prefix);
  while (slots_.size() < groups.size()) slots_.push_back({model_.make_cache(kv_)});

  std::vector<std::vector<RequestScore>> scores;
  std::vector<int64_t> shared;
  for (const RequestGroup& group : groups) {
    scores.emplace_back(group.size());
    shared.push_back(shared_length(group));
  }

  std::vector<SequenceInput> batch;
  std::vector<Row> rows;
  int64_t hidden = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    rewind(slots_[g], begin);
    if (shared[g] == begin) continue;
    batch.push_back({part(groups[g].front().ids, begin, shared[g]), &slots_[g].cache});
    for (int64_t position = begin; position < shared[g]; ++position, ++hidden) {
      Row row{hidden, {}};
      for (size_t r = 0; r < groups[g].size(); ++r) {
        const TokenRequest& request = groups[g][r];
        if (position + 1 >= request.scored_from)
          row.targets.push_back({g, r, request.ids[static_cast<size_t>(position + 1)]});
      }
      if (!row.targets.empty()) rows.push_back(std::move(row));
    }
  }
  if (!batch.empty()) forward(batch);
  score_rows(rows, scores);

  size_t most = 0;
  for (const RequestGroup& group : groups) most = std::max(most, group.size());
  for (size_t r = 0; r < most; ++r) {
    batch.clear();
    rows.clear();
    hidden = 0;
    for (size_t g = 0; g < groups.size(); ++g) {
      if (r >= groups[g].size() || groups[g][r].inputs() == shared[g]) continue;
      const TokenRequest& request = groups[g][r];
      slots_[g].cache.truncate(shared[g]);
      batch.push_back({part(request.ids, shared[g], request.inputs()), &slots_[g].cache});
      for (int64_t position = shared[g]; position < request.inputs(); ++position, ++hidden) {
        if (position + 1 >= request.scored_from)
          rows.push_back({hidden, {{g, r, request.ids[static_cast<size_t>(position + 1)]}}});
      }
    }
    if (!batch.empty()) forward(batch);
    score_rows(rows, scores);
  }
  return scores;
}

void RequestScorer::score_rows(std::span<const Row> rows, std::vector<std::vector<RequestScore>>& scores) {
  const int64_t width = model_.config().hidden_size, vocabulary = model_.config().vocab_size;
  for (size_t at = 0; at < rows.size(); at += kRows) {
    const std::span<const Row> some = rows.subspan(at, std::min<size_t>(kRows, rows.size() - at));
    const int64_t count = std::ssize(some);
    hidden_.ensure(static_cast<size_t>(count * width));
    logits_.ensure(static_cast<size_t>(count * vocabulary));
    for (int64_t i = 0; i < count; ++i) {
      std::memcpy(hidden_.data() + i * width, model_.hidden() + some[static_cast<size_t>(i)].hidden * width,
                  static_cast<size_t>(width) * sizeof(float));
    }
    model_.logits(hidden_.data(), count, logits_.data());
    const auto logits_of = [&](int64_t i) {
      return std::span<const float>(logits_.data() + i * vocabulary, static_cast<size_t>(vocabulary));
    };
    std::vector<LogitSummary> summaries(static_cast<size_t>(count));
    model_.backend().pool().parallel_for(count, 2, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        summaries[static_cast<size_t>(i)] = summarize_logits(logits_of(i));
    });
    for (int64_t i = 0; i < count; ++i) {
      const LogitSummary& summary = summaries[static_cast<size_t>(i)];
      if (!summary.finite) {
        throw Error(ErrorKind::kFailure, "logits", "are not finite, expected finite ones",
                    "look for extreme weights with 'fptq inspect'");
      }
      for (const Target& target : some[static_cast<size_t>(i)].targets) {
        RequestScore& score = scores[target.group][target.request];
        score.log_likelihood -= negative_log_likelihood(logits_of(i), summary, target.id);
        score.greedy = score.greedy && summary.argmax == target.id;
      }
    }
  }
}

}  // namespace fptq
