// Log-likelihoods of continuations, with everything that requests share computed once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "model/forward.h"
#include "tasks/encode_request.h"

namespace fptq {

struct RequestScore {
  double log_likelihood = 0;  // nats, summed over the scored tokens
  bool greedy = true;         // every scored token has the highest logit, the first of equals
};

// The requests of one question; what all of them begin with is computed once.
using RequestGroup = std::vector<TokenRequest>;

// Not thread-safe. Owns a KV cache for the prefix and one for each group of a batch. What it computes is a
// function of the arguments alone, not of what it computed before.
class RequestScorer {
 public:
  // `model` must outlive it.
  RequestScorer(Model& model, KvType kv);

  // Scores of all requests of all groups. Every request begins with the ids `prefix`, which end before the
  // last token that none of them scores; the model reads them once, and not again as long as the prefix
  // stays. Groups run side by side. Logits exist for scored positions only. Throws Error(kFailure) when
  // they are not finite.
  std::vector<std::vector<RequestScore>> score(std::span<const RequestGroup> groups,
                                               std::span<const int32_t> prefix);

  // Tokens that went through the model so far.
  int64_t computed_tokens() const { return computed_; }

 private:
  struct Slot {
    KvCache cache;
    int64_t prefix = -1;  // which prefix its cache begins with
  };
  // A position whose logits are needed, and what they are to predict.
  struct Target {
    size_t group = 0, request = 0;
    int32_t id = 0;
  };
  struct Row {
    int64_t hidden = 0;  // row of Model::hidden()
    std::vector<Target> targets;
  };

  void read_prefix(std::span<const int32_t> prefix);
  void rewind(Slot& slot, int64_t prefix);
  void forward(std::span<const SequenceInput> batch);
  void score_rows(std::span<const Row> rows, std::vector<std::vector<RequestScore>>& scores);

  Model& model_;
  KvType kv_;
  KvCache prefix_cache_;
  std::vector<int32_t> prefix_;
  int64_t prefix_number_ = 0;  // counts prefixes
  std::vector<Slot> slots_;
  AlignedBuffer<float> hidden_, logits_;
  int64_t computed_ = 0;
};

// How many ids all requests of a group begin with, counting only what the model reads.
int64_t shared_length(const RequestGroup& group);

}  // namespace fptq
