// A task's questions as the pairs of texts that lm-evaluation-harness gives to a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tasks/task.h"

namespace fptq {

struct TextRequest {
  std::string context, continuation;  // how likely is the continuation behind the context?

  bool operator==(const TextRequest&) const = default;
};

struct Prompt {
  std::vector<TextRequest> requests;
  std::vector<int64_t> lengths;  // of the choices, in code points
  int64_t answer = 0;            // index of the right request
};

struct FewShot {
  int64_t shots = 0;
  uint64_t seed = 1234;  // lm-eval's default
};

// Prompts of the first `limit` (0: all) of `items`, each behind `few.shots` of `examples`, which are drawn
// for one question after the other as the task says. Throws Error(kUsage) when there are too few examples.
std::vector<Prompt> make_prompts(const Task& task, const std::vector<Item>& items,
                                 const std::vector<Item>& examples, const FewShot& few, int64_t limit);

}  // namespace fptq
