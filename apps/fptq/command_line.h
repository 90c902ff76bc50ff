// One subcommand's options: CLI11 for the grammar, our own words for what is wrong. Every complaint is an
// Error(kUsage) of one line.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command.h"

namespace fptq::app {

class CommandLine {
 public:
  // `example` stands first in --help; `summary` says what the command does.
  CommandLine(const std::string& command, const std::string& example, const std::string& summary);

  // `names` as CLI11 takes them: "-t,--threads". The target's value at the call is the default that --help
  // shows.
  void integer(const std::string& names, int64_t& target, int64_t min, int64_t max, const std::string& help);
  void integer(const std::string& names, int& target, int min, int max, const std::string& help);
  // Decided elsewhere unless given.
  void integer(const std::string& names, std::optional<int64_t>& target, int64_t min, int64_t max,
               const std::string& help);
  void integer(const std::string& names, std::optional<int>& target, int min, int max,
               const std::string& help);
  // Several, separated by commas: "1,2,4". They replace the target's.
  void integers(const std::string& names, std::vector<int>& target, int min, int max,
                const std::string& help);
  void seed(const std::string& names, uint64_t& target, const std::string& help);
  void number(const std::string& names, double& target, double min, double max, const std::string& help);
  void text(const std::string& names, const std::string& type, std::string& target, const std::string& help);
  void texts(const std::string& names, const std::string& type, std::vector<std::string>& target,
             const std::string& help);
  // Several, separated by commas, whatever they are. They replace the target's.
  void names(const std::string& names, const std::string& type, std::vector<std::string>& target,
             const std::string& help);
  // A number, or `word` for none.
  void number_or(const std::string& names, const std::string& word, std::optional<double>& target, double min,
                 double max, const std::string& help);
  void choice(const std::string& names, std::string& target, const std::vector<std::string>& values,
              const std::string& help);
  // Several of them, separated by commas.
  void choices(const std::string& names, std::vector<std::string>& target,
               const std::vector<std::string>& values, const std::string& help);
  void flag(const std::string& names, bool& target, const std::string& help);
  // Positional arguments, in the order of the calls; all but optional ones must be given, of several one.
  void positional(const std::string& name, std::string& target, const std::string& help);
  void positionals(const std::string& name, std::vector<std::string>& target, const std::string& help);
  void optional_positional(const std::string& name, std::string& target, const std::string& help);

  // Options declared from here on stand under this heading in --help; with an empty one, nowhere.
  void group(const std::string& title) { group_ = title; }

  // False when --help was asked for and printed: there is nothing more to do.
  bool parse(const Arguments& args);

  // For checks after parse(). An option that was never declared is not given.
  bool given(const std::string& name) const;
  // The first option given of those under the heading, or "".
  std::string given_in_group(const std::string& title) const;
  [[noreturn]] void fail(const std::string& what, const std::string& where = {}) const;
  // Fails when both were given.
  void exclude(const std::string& a, const std::string& b, const std::string& why) const;
  // Fails when `a` was given without `b`.
  void require(const std::string& a, const std::string& b, const std::string& why) const;

 private:
  CLI::Option* add(const std::string& names, const std::string& type, const std::string& default_text,
                   const std::string& help, std::function<void(const std::string&)> take);
  void in_group(CLI::Option* option) const;
  void check_unknown() const;
  void check_repeated() const;

  std::string command_;
  std::optional<std::string> group_;
  CLI::App app_;
};

}  // namespace fptq::app
