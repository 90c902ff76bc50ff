// Lists of ways to quantize, as a command line has them.
#pragma once

#include <string>
#include <vector>

#include "fptq/trials.h"

namespace fptq::app {

// For --help.
std::string method_entries_help();

// Entries METHOD[:OPTION[=VALUE]]..., separated by commas in each of `lists`:
// "fptq,rtn:bits=8,gptq:asym:g=64". METHOD is a name of method_names(), or "all" for each of them; an OPTION
// is one of add_quantize_options() without its dashes. What an entry does not say is as in `base`. Throws
// Error(kUsage) naming `command`'s help and the entry that is wrong or comes twice.
std::vector<Trial> parse_method_entries(const std::string& command, const std::vector<std::string>& lists,
                                        const QuantizeOptions& base);

}  // namespace fptq::app
