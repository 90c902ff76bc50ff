#include "tasks/sets/prompts.h"

#include "tasks/python_text.h"

namespace fptq {

Question question_and_answer(const Item& item) {
  return {{"Question: " + item.question + "\nAnswer:"}, item.choices, item.answer};
}

Question lettered(const std::string& question, const Item& item) {
  Question asked{{std::string(python_strip(question)) + "\n"}, {}, item.answer};
  for (const std::string& choice : item.choices) {
    const std::string letter(1, static_cast<char>('A' + asked.choices.size()));
    asked.contexts.front() += letter + ". " + choice + "\n";
    asked.choices.push_back(letter);
  }
  asked.contexts.front() += "Answer:";
  return asked;
}

}  // namespace fptq
