#include "fptq/tokenize.h"

#include <fmt/format.h>

#include <iostream>

#include "command_line.h"
#include "console.h"
#include "fptq/json_lines.h"

namespace fptq::app {

int run_tokenize(const Arguments& args) {
  std::string model;
  bool decode = false, add_special = false;
  CommandLine line(
      "tokenize", "echo '\"Hello world\"' | fptq tokenize ./SmolLM2-135M",
      "Reads JSON strings from stdin, one a line, and prints arrays of token ids; with --decode\n"
      "the other way round.");
  line.positional("MODEL", model, "a model, or just its tokenizer");
  line.flag("--decode", decode, "arrays of ids to strings");
  line.flag("--add-special", add_special, "add the tokens that the model expects around a text");
  if (!line.parse(args)) return 0;
  line.exclude("--decode", "--add-special", "decoding adds nothing");

  const TextCodec codec(model);
  std::ios::sync_with_stdio(false);
  std::string text;
  for (int64_t number = 1; std::getline(std::cin, text); ++number) {
    const std::string where = fmt::format("standard input, line {}", number);
    print(decode ? text_to_json(codec.decode(ids_from_json(text, where), false))
                 : ids_to_json(codec.encode(text_from_json(text, where), add_special)));
    print("\n");
    if (std::cin.rdbuf()->in_avail() <= 0)
      flush_results();  // whoever writes line by line waits for this answer
  }
  return 0;
}

}  // namespace fptq::app
