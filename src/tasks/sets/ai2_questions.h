// The layout that the Allen Institute's multiple-choice sets share: {"question": {"stem", "choices":
// [{"text", "label"}]}, "answerKey"}; also as Hugging Face flattens it, with "question" or "question_stem" a
// string beside "choices": {"text": [...], "label": [...]}.
#pragma once

#include <filesystem>
#include <vector>

#include "tasks/question.h"

namespace fptq {

std::vector<Item> read_ai2_questions(const std::filesystem::path& path);

}  // namespace fptq
