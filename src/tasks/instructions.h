// Benchmarks in the instruction form of LLM-Adapters (github.com/AGI-Edgerunners/LLM-Adapters): an array of
// objects whose "instruction" holds question and choices in one text and whose "answer" names the choice.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tasks/question.h"

namespace fptq {

// `label` stands before each choice, with its number from 1: "Answer", "Option". Throws Error(kIo,
// kBadModel).
std::vector<Item> read_instructions(const std::filesystem::path& path, const std::string& label);
// The form without choices, answered by true or false: items with a question and an answer of 1 for true.
std::vector<Item> read_true_false(const std::filesystem::path& path);

}  // namespace fptq
