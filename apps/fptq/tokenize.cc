#include "fptq/tokenize.h"

#include <fmt/format.h>

#include <iostream>

#include "command_line.h"
#include "console.h"
#include "fptq/json_lines.h"

namespace fptq::app {

int run_tokenize(const Arguments& args) {
  std::string model;
  bool decode = false, add_special = false, skip_special = false, json = false;
  CommandLine line(
      "tokenize", "echo '\"Hello world\"' | fptq tokenize ./SmolLM2-135M",
      "Reads JSON strings from stdin, one a line, and prints arrays of token ids; with --decode\n"
      "the other way round, with --json the tokenizer itself as a tokenizer.json.");
  line.positional("MODEL", model, "a model, or just its tokenizer");
  line.flag("--decode", decode, "arrays of ids to strings");
  line.flag("--add-special", add_special, "add the tokens that the model expects around a text");
  line.flag("--skip-special", skip_special, "with --decode: leave special tokens out of the text");
  line.flag("--json", json, "print the tokenizer as a tokenizer.json");
  if (!line.parse(args)) return 0;
  line.exclude("--decode", "--add-special", "decoding adds nothing");
  line.require("--skip-special", "--decode", "it says what decoding prints");
  line.exclude("--json", "--decode", "one prints the tokenizer, the other a text");

  const TextCodec codec(model);
  if (json) {
    print(codec.to_json());
    return 0;
  }
  std::ios::sync_with_stdio(false);
  std::string text;
  for (int64_t number = 1; std::getline(std::cin, text); ++number) {
    const std::string where = fmt::format("standard input, line {}", number);
    print(decode ? text_to_json(codec.decode(ids_from_json(text, where), skip_special))
                 : ids_to_json(codec.encode(text_from_json(text, where), add_special)));
    print("\n");
    if (std::cin.rdbuf()->in_avail() <= 0)
      flush_results();  // whoever writes line by line waits for this answer
  }
  return 0;
}

}  // namespace fptq::app
