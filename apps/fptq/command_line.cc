#include "command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "console.h"
#include "fptq/error.h"
#include "fptq/suggest.h"

namespace fptq::app {
namespace {

// The whole of `text` as a number; false when it is anything else or does not fit.
template <typename T>
bool parse_number(const std::string& text, T& value) {
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stopped == end;
}

// A default below the range means "decided later" and is not worth showing.
std::string default_of(int64_t value, int64_t min) {
  return value < min ? "" : fmt::format("{}", value);
}

// "1,2" -> "1", "2"; "" -> "".
std::vector<std::string> items_of(const std::string& text) {
  std::vector<std::string> items(1);
  for (const char c : text) {
    if (c == ',') {
      items.emplace_back();
    } else {
      items.back() += c;
    }
  }
  return items;
}

// "-t,--threads" -> "--threads"
std::string long_name(const std::string& names) {
  const size_t at = names.find("--");
  return at == std::string::npos ? names : names.substr(at, names.find(',', at) - at);
}

// "--threads" or "MODEL". CLI11's get_name() is empty for options that --help does not show.
std::string name_of(const CLI::Option& option) {
  return option.get_lnames().empty() ? option.get_name(true) : "--" + option.get_lnames().front();
}

// --group_size is --group-size: other tools spell options with underscores.
Arguments with_dashes(const Arguments& args) {
  Arguments out;
  bool options_ended = false;
  for (std::string arg : args) {
    options_ended = options_ended || arg == "--";
    if (!options_ended && arg.starts_with("--")) {
      const auto name_end = arg.begin() + static_cast<std::ptrdiff_t>(std::min(arg.find('='), arg.size()));
      std::replace(arg.begin(), name_end, '_', '-');
    }
    out.push_back(std::move(arg));
  }
  return out;
}

}  // namespace

CommandLine::CommandLine(const std::string& command, const std::string& example, const std::string& summary)
    : command_(command), app_("Example:\n  " + example + "\n\n" + summary + "\n", "fptq " + command) {
  app_.allow_extras();  // check_unknown() has better words for them
  app_.get_formatter()->column_width(42);
}

CLI::Option* CommandLine::add(const std::string& names, const std::string& type,
                              const std::string& default_text, const std::string& help,
                              std::function<void(const std::string&)> take) {
  CLI::Option* option = app_.add_option_function<std::string>(names, take, help);
  option->type_name(type)->default_str(default_text)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  in_group(option);
  return option;
}

void CommandLine::in_group(CLI::Option* option) const {
  if (group_) option->group(*group_);
}

void CommandLine::integer(const std::string& names, int64_t& target, int64_t min, int64_t max,
                          const std::string& help) {
  add(names, "N", default_of(target, min), help, [=, this, &target](const std::string& text) {
    if (parse_number(text, target) && target >= min && target <= max) return;
    fail(fmt::format("expected a whole number from {} to {}, found '{}'", min, max, text), long_name(names));
  });
}

void CommandLine::integer(const std::string& names, int& target, int min, int max, const std::string& help) {
  add(names, "N", default_of(target, min), help, [=, this, &target](const std::string& text) {
    if (parse_number(text, target) && target >= min && target <= max) return;
    fail(fmt::format("expected a whole number from {} to {}, found '{}'", min, max, text), long_name(names));
  });
}

void CommandLine::integer(const std::string& names, std::optional<int64_t>& target, int64_t min, int64_t max,
                          const std::string& help) {
  add(names, "N", "", help, [=, this, &target](const std::string& text) {
    if (parse_number(text, target.emplace()) && *target >= min && *target <= max) return;
    fail(fmt::format("expected a whole number from {} to {}, found '{}'", min, max, text), long_name(names));
  });
}

void CommandLine::integer(const std::string& names, std::optional<int>& target, int min, int max,
                          const std::string& help) {
  add(names, "N", "", help, [=, this, &target](const std::string& text) {
    if (parse_number(text, target.emplace()) && *target >= min && *target <= max) return;
    fail(fmt::format("expected a whole number from {} to {}, found '{}'", min, max, text), long_name(names));
  });
}

void CommandLine::integers(const std::string& names, std::vector<int>& target, int min, int max,
                           const std::string& help) {
  add(names, "N,N", fmt::format("{}", fmt::join(target, ",")), help,
      [=, this, &target](const std::string& text) {
        target.clear();
        for (const std::string& item : items_of(text)) {
          int value = 0;
          if (!parse_number(item, value) || value < min || value > max) {
            fail(fmt::format("expected whole numbers from {} to {}, separated by commas, found '{}'", min,
                             max, text),
                 long_name(names));
          }
          target.push_back(value);
        }
      });
}

void CommandLine::seed(const std::string& names, uint64_t& target, const std::string& help) {
  add(names, "N", fmt::format("{}", target), help, [=, this, &target](const std::string& text) {
    if (parse_number(text, target)) return;
    fail(fmt::format("expected a whole number from 0 to {}, found '{}'", std::numeric_limits<uint64_t>::max(),
                     text),
         long_name(names));
  });
}

void CommandLine::number(const std::string& names, double& target, double min, double max,
                         const std::string& help) {
  add(names, "X", fmt::format("{}", target), help, [=, this, &target](const std::string& text) {
    if (parse_number(text, target) && target >= min && target <= max) return;  // NaN fails both comparisons
    fail(fmt::format("expected a number from {} to {}, found '{}'", min, max, text), long_name(names));
  });
}

void CommandLine::number_or(const std::string& names, const std::string& word, std::optional<double>& target,
                            double min, double max, const std::string& help) {
  add(names, "X|" + word, target ? fmt::format("{}", *target) : word, help,
      [=, this, &target](const std::string& text) {
        if (text == word) return target.reset();
        if (parse_number(text, target.emplace()) && *target >= min && *target <= max) return;
        fail(fmt::format("expected a number from {} to {} or {}, found '{}'", min, max, word, text),
             long_name(names));
      });
}

void CommandLine::text(const std::string& names, const std::string& type, std::string& target,
                       const std::string& help) {
  add(names, type, target, help, [=, this, &target](const std::string& text) {
    if (text.empty()) fail("is empty", long_name(names));
    target = text;
  });
}

void CommandLine::texts(const std::string& names, const std::string& type, std::vector<std::string>& target,
                        const std::string& help) {
  // CLI11 would give it what follows its value, too: positional arguments.
  in_group(app_.add_option(names, target, help)
               ->type_name(type)
               ->expected(1)
               ->allow_extra_args(false)
               ->take_all());
}

void CommandLine::names(const std::string& names, const std::string& type, std::vector<std::string>& target,
                        const std::string& help) {
  add(names, type, fmt::format("{}", fmt::join(target, ",")), help,
      [=, this, &target](const std::string& text) {
        target = items_of(text);
        if (std::ranges::count(target, "") > 0) fail("has an empty name", long_name(names));
      });
}

void CommandLine::choice(const std::string& names, std::string& target,
                         const std::vector<std::string>& values, const std::string& help) {
  const std::string list = fmt::format("{}", fmt::join(values, "|"));
  add(names, list, target, help, [=, this, &target](const std::string& text) {
    if (std::ranges::find(values, text) == values.end()) {
      fail(fmt::format("expected {}, found '{}'", fmt::join(values, ", "), text), long_name(names));
    }
    target = text;
  });
}

void CommandLine::choices(const std::string& names, std::vector<std::string>& target,
                          const std::vector<std::string>& values, const std::string& help) {
  const std::string list = fmt::format("{}", fmt::join(values, ","));
  add(names, list, fmt::format("{}", fmt::join(target, ",")), help,
      [=, this, &target](const std::string& text) {
        target = items_of(text);
        for (const std::string& item : target) {
          if (std::ranges::find(values, item) != values.end()) continue;
          fail(fmt::format("expected some of {}, found '{}'", list, text), long_name(names));
        }
      });
}

void CommandLine::flag(const std::string& names, bool& target, const std::string& help) {
  in_group(app_.add_flag(names, target, help));
}

void CommandLine::positional(const std::string& name, std::string& target, const std::string& help) {
  app_.add_option(name, target, help)->type_name("")->required();
}

void CommandLine::positionals(const std::string& name, std::vector<std::string>& target,
                              const std::string& help) {
  app_.add_option(name, target, help)->type_name("")->required()->take_all();
}

void CommandLine::optional_positional(const std::string& name, std::string& target, const std::string& help) {
  app_.add_option(name, target, help)->type_name("");
}

bool CommandLine::parse(const Arguments& args) {
  Arguments reversed = with_dashes(args);  // CLI11 takes them from the back
  std::ranges::reverse(reversed);
  try {
    app_.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    print(app_.help());
    return false;
  } catch (const CLI::ArgumentMismatch& e) {
    const std::string message = e.what();  // "--bits: 1 required N missing"
    fail("needs a value", message.substr(0, message.find(':')));
  } catch (const CLI::ParseError& e) {
    check_unknown();
    fail(e.what());
  }
  check_unknown();
  check_repeated();
  return true;
}

void CommandLine::check_unknown() const {
  std::vector<std::string> names;
  for (const CLI::Option* option : app_.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const std::string& extra : app_.remaining()) {
    if (!extra.starts_with("-") || extra == "-" || extra == "--") continue;
    const std::string name = extra.substr(0, extra.find('='));
    const std::string near = closest(name, names);
    fail(fmt::format("unknown option '{}'{}", name,
                     near.empty() ? "" : fmt::format(", did you mean '{}'?", near)));
  }
  for (const std::string& extra : app_.remaining()) {
    if (extra != "--") fail(fmt::format("unexpected argument '{}'", extra));
  }
}

void CommandLine::check_repeated() const {
  for (const CLI::Option* option : app_.get_options()) {
    const bool one_value = option->get_multi_option_policy() != CLI::MultiOptionPolicy::TakeAll;
    if (one_value && option->count() > 1) {
      fail(fmt::format("given {} times, expected once", option->count()), name_of(*option));
    }
  }
}

bool CommandLine::given(const std::string& name) const {
  const CLI::Option* option = app_.get_option_no_throw(name);
  return option != nullptr && option->count() > 0;
}

std::string CommandLine::given_in_group(const std::string& title) const {
  for (const CLI::Option* option : app_.get_options()) {
    if (option->get_group() == title && option->count() > 0) return name_of(*option);
  }
  return {};
}

void CommandLine::fail(const std::string& what, const std::string& where) const {
  throw Error(ErrorKind::kUsage, where, what, fmt::format("see 'fptq {} --help'", command_));
}

void CommandLine::exclude(const std::string& a, const std::string& b, const std::string& why) const {
  if (given(a) && given(b)) fail(fmt::format("{} and {} contradict each other: {}", a, b, why));
}

void CommandLine::require(const std::string& a, const std::string& b, const std::string& why) const {
  if (given(a) && !given(b)) fail(fmt::format("needs {}: {}", b, why), a);
}

}  // namespace fptq::app
