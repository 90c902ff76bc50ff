// The page's frame, style and script, which lie beside this file and are built into the program.
#pragma once

#include <string_view>

namespace fptq::report {

std::string_view page_frame();  // with {{title}}, {{style}}, {{body}} and {{script}}
std::string_view page_style();
std::string_view page_script();

}  // namespace fptq::report
