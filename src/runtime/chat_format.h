// Wrapping a message in the format a chat model was trained on.
//
// A model's chat template is a Jinja program from a file that nobody vouches for; it is never executed. It is
// only searched for the marks of the formats in the table, and those are written by our own code.
#pragma once

#include <string>
#include <string_view>

namespace fptq {

// The text of one user turn (and a system message, if not empty; else the template's own default where it has
// one) up to where the answer begins. The tokenizer's special tokens (BOS) are not part of it. Throws
// Error(kBadModel, where) when `chat_template` is empty or none of the known formats.
std::string format_chat(std::string_view chat_template, const std::string& system, const std::string& user,
                        const std::string& where);

}  // namespace fptq
