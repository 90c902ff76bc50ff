// The text that models are evaluated on: a file, or the one in the program where the user names none.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "quant/calibration.h"
#include "tokenizer/tokenizer.h"

namespace fptq {

// Of the file, or of the program where `path` is empty. Throws as read_text().
std::string evaluation_text(const std::string& path);
// What results call it.
std::string evaluation_text_name(const std::string& path);

// Throws Error(kUsage) where `max_tokens` is negative.
void check_max_tokens(int64_t max_tokens);
// Tokens of `text`, the first `max_tokens` of them; 0: all.
std::vector<int32_t> first_tokens(const Tokenizer& tokenizer, const std::string& text, int64_t max_tokens);

// Both of them on evaluation_text(path). Throws Error(kBadModel) where that has less than two tokens.
std::vector<int32_t> evaluation_tokens(const Tokenizer& tokenizer, const std::string& path,
                                       int64_t max_tokens);

// One behind the other, `ctx` tokens each; what is left at the end is dropped.
TokenWindows whole_windows(std::span<const int32_t> ids, int64_t ctx);

}  // namespace fptq
