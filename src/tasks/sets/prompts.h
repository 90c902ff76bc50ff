// Prompts that several data sets share.
#pragma once

#include "tasks/question.h"

namespace fptq {

// "Question: ...\nAnswer:" and the choices in words.
Question question_and_answer(const Item& item);

// "A. ...\nB. ...\nAnswer:" below `question`, which is stripped of white space at both ends; the choices are
// the letters.
Question lettered(const std::string& question, const Item& item);

}  // namespace fptq
