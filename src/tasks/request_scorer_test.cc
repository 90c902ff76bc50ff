// Scores with everything shared against scores of each request alone, read as a whole and cold.
#include "tasks/request_scorer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/logit_math.h"
#include "eval/model_logits.h"
#include "synthetic_source.h"
#include "tasks/batches.h"

namespace fptq {
namespace {

std::vector<int32_t> ids(std::initializer_list<std::vector<int32_t>> parts) {
  std::vector<int32_t> all;
  for (const std::vector<int32_t>& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

class Scorer : public testing::Test {
 protected:
  Scorer() : source_(SyntheticSource::small_config()), pool_(2), backend_(make_cpu_backend(pool_)) {}

  RequestScore alone(Model& model, const TokenRequest& request) const {
    ModelLogits logits(model, KvType::kFloat);
    logits.run_window(std::span(request.ids).first(static_cast<size_t>(request.inputs())));
    RequestScore score;
    for (int64_t p = request.scored_from - 1; p < request.inputs(); ++p) {
      const std::span<const float> row(logits.logits(p, 1), static_cast<size_t>(logits.vocab_size()));
      const LogitSummary summary = summarize_logits(row);
      const int32_t id = request.ids[static_cast<size_t>(p + 1)];
      score.log_likelihood -= negative_log_likelihood(row, summary, id);
      score.greedy = score.greedy && summary.argmax == id;
    }
    return score;
  }

  SyntheticSource source_;
  ThreadPool pool_;
  std::unique_ptr<Backend> backend_;
};

const std::vector<int32_t> kPrefix = {5, 80, 33, 7, 250, 9};

// Single tokens from one position; a choice that begins another; contexts that differ in the middle
// (WinoGrande); a lone request.
std::vector<RequestGroup> some_groups(int32_t greedy) {
  const std::vector<int32_t> a = ids({kPrefix, {1, 2, 3}}), b = ids({kPrefix, {4, 4}});
  return {{{ids({a, {10}}), 9}, {ids({a, {11}}), 9}, {ids({a, {greedy}}), 9}},
          {{ids({b, {20, 21}}), 8}, {ids({b, {20, 21, 22, 23}}), 8}, {ids({b, {24}}), 8}},
          {{ids({b, {30, 40, 50, 51}}), 10}, {ids({b, {31, 40, 50, 51}}), 10}},
          {{ids({a, {60, 61}}), 9}}};
}

TEST_F(Scorer, SharingChangesNothing) {
  Model model(*backend_, source_);
  // The id that the model would say itself, so that one request is greedy.
  ModelLogits logits(model, KvType::kFloat);
  logits.run_window(ids({kPrefix, {1, 2, 3}}));
  const auto greedy = static_cast<int32_t>(
      summarize_logits({logits.logits(8, 1), static_cast<size_t>(logits.vocab_size())}).argmax);

  const std::vector<RequestGroup> groups = some_groups(greedy);
  RequestScorer scorer(model, KvType::kFloat);
  bool any_greedy = false;
  for (const auto& prefix : {std::vector<int32_t>{}, kPrefix}) {
    const auto scores = scorer.score(groups, prefix);
    ASSERT_EQ(scores.size(), groups.size());
    for (size_t g = 0; g < groups.size(); ++g) {
      ASSERT_EQ(scores[g].size(), groups[g].size());
      for (size_t r = 0; r < groups[g].size(); ++r) {
        const RequestScore expected = alone(model, groups[g][r]);
        EXPECT_NEAR(scores[g][r].log_likelihood, expected.log_likelihood, 2e-5) << g << " " << r;
        EXPECT_EQ(scores[g][r].greedy, expected.greedy);
        any_greedy = any_greedy || expected.greedy;
      }
    }
  }
  EXPECT_TRUE(any_greedy);
}

TEST_F(Scorer, DoesNotDependOnWhatWasScoredBefore) {
  Model model(*backend_, source_);
  const std::vector<RequestGroup> groups = some_groups(12);
  const std::span<const RequestGroup> all(groups);
  RequestScorer fresh(model, KvType::kInt8), used(model, KvType::kInt8);
  used.score(all.subspan(1), {});
  used.score(all.first(1), std::span(kPrefix).first(3));
  const auto first = fresh.score(all, kPrefix), second = used.score(all, kPrefix);
  for (size_t g = 0; g < groups.size(); ++g) {
    for (size_t r = 0; r < groups[g].size(); ++r)
      EXPECT_EQ(first[g][r].log_likelihood, second[g][r].log_likelihood);
  }
}

TEST_F(Scorer, ComputesSharedTokensOnce) {
  Model model(*backend_, source_);
  const std::vector<RequestGroup> groups = some_groups(12);
  RequestScorer scorer(model, KvType::kFloat);
  // Of the first group only its context: all its choices follow the same position.
  scorer.score(std::span(groups).first(1), kPrefix);
  EXPECT_EQ(scorer.computed_tokens(), 6 + 3);
  scorer.score(std::span(groups).first(1), kPrefix);
  EXPECT_EQ(scorer.computed_tokens(), 6 + 3 + 3) << "the prefix stays";
  // Context 2; continuations 1, 3 and 0 inputs beyond it.
  scorer.score(std::span(groups).subspan(1, 1), kPrefix);
  EXPECT_EQ(scorer.computed_tokens(), 12 + 2 + 1 + 3);
}

TEST(Batches, CoverAllQuestionsInOrderAndShareThePrefix) {
  std::vector<RequestGroup> groups;
  for (int32_t n = 0; n < 100; ++n) groups.push_back({{ids({kPrefix, {n, 7, 8}}), 8}});
  const std::vector<Batch> batches = plan_batches(groups);
  int64_t at = 0;
  for (const Batch& batch : batches) {
    EXPECT_EQ(batch.begin, at);
    EXPECT_EQ(batch.prefix, 6);
    at = batch.end;
  }
  EXPECT_EQ(at, 100);
  EXPECT_LT(batches.size(), 100u) << "questions run side by side";
}

TEST(Batches, PrefixEndsBeforeTheFirstScoredPosition) {
  // The same context twice: its last position is needed for scoring, so it is not part of the prefix.
  const std::vector<RequestGroup> groups(2, {{ids({kPrefix, {1}}), 6}, {ids({kPrefix, {2}}), 6}});
  for (const Batch& batch : plan_batches(groups)) EXPECT_EQ(batch.prefix, 5);
}

TEST(Batches, QuestionsThatWereCutRunAlone) {
  std::vector<RequestGroup> groups(3, {{ids({kPrefix, {1, 2}}), 7}});
  groups[1].front() = {{99, 98, 97}, 2, true};
  const std::vector<Batch> batches = plan_batches(groups);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[0].prefix, 6);
  EXPECT_EQ(batches[1].prefix, 0);
  EXPECT_EQ(batches[2].prefix, 6);
}

}  // namespace
}  // namespace fptq
