#include "method_entries.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "fptq/error.h"
#include "quantize_options.h"

namespace fptq::app {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// "asym" -> "--asym", "g=64" -> "-g", "64"
void add_option(const std::string& word, Arguments& args) {
  const size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  args.push_back((name.size() == 1 ? "-" : "--") + name);
  if (equals == std::string::npos) return;
  if (name.size() == 1) {
    args.push_back(word.substr(equals + 1));
  } else {
    args.back() += word.substr(equals);
  }
}

Trial parse_entry(const std::string& command, const std::string& entry, const QuantizeOptions& base) {
  const std::vector<std::string> words = split(entry, ':');
  QuantizeFlags flags;
  flags.options = base;
  CommandLine line(command, "", "");
  line.choice("--method", flags.options.method, method_names(), "");
  add_quantize_options(line, flags);
  Arguments args = {"--method", words.front()};
  for (size_t i = 1; i < words.size(); ++i) add_option(words[i], args);
  line.parse(args);
  check_quantize_options(line, flags);
  return {entry, flags.options};
}

}  // namespace

std::string method_entries_help() {
  return fmt::format(
      "An entry of --methods is METHOD[:OPTION[=VALUE]]..., with options of 'fptq quantize' without dashes:\n"
      "  --methods fptq,rtn:bits=8,rtn:asym:g=64 --calib wiki.txt\n"
      "METHOD is one of {}, or 'all'.\n"
      "Options of 'fptq quantize' that stand alone hold for every entry that does not say otherwise.",
      fmt::join(method_names(), ", "));
}

std::vector<Trial> parse_method_entries(const std::string& command, const std::vector<std::string>& lists,
                                        const QuantizeOptions& base) {
  std::vector<std::string> entries;
  for (const std::string& list : lists) {
    for (const std::string& entry : split(list, ',')) {
      const std::string method = entry.substr(0, entry.find(':'));
      if (method != "all") {
        entries.push_back(entry);
        continue;
      }
      for (const std::string& name : method_names()) entries.push_back(name + entry.substr(method.size()));
    }
  }
  std::vector<Trial> trials;
  for (const std::string& entry : entries) {
    const std::string where = fmt::format("--methods entry '{}'", entry);
    if (std::ranges::any_of(trials, [&](const Trial& t) { return t.name == entry; })) {
      throw Error(ErrorKind::kUsage, where, "is there twice");
    }
    try {
      trials.push_back(parse_entry(command, entry, base));
    } catch (const Error& e) {
      throw Error(ErrorKind::kUsage, where, e.what());
    }
  }
  return trials;
}

}  // namespace fptq::app
