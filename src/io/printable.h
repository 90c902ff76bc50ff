// Names from files, made fit for a line of text.
#pragma once

#include <string>
#include <string_view>

namespace fptq {

// `name` with control characters as \xHH and cut to 100 bytes: what a file calls its tensors must not be
// able to drive the user's terminal or to fill the screen.
std::string printable(std::string_view name);

// "file:name", the `where` of errors about one named thing in a file.
std::string where_in(const std::string& file, std::string_view name);

}  // namespace fptq
