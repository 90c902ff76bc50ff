// The English text that comes with the program (data/aesop.txt), for evaluating where the user names none. It
// is never used for calibration.
#pragma once

#include <string_view>

namespace fptq {

std::string_view held_out_text();

}  // namespace fptq
