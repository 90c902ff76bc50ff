#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "command.h"
#include "console.h"
#include "fptq/error.h"
#include "fptq/suggest.h"
#include "version.h"

namespace fptq::app {
namespace {

constexpr Command kCommands[] = {
    {"quantize", "make a W4A8 model out of a model", false, run_quantize},
    {"eval", "perplexity on a text, and divergence from a reference model", false, run_eval},
    {"compare", "two models side by side, or several methods on one: quality, size, speed", false,
     run_compare},
    {"study", "how much thresholds, parts and calibration data matter", false, run_study},
    {"report", "one page of any number of runs: what was lost, where, what to change", false, run_report},
    {"sensitivity", "what each layer costs when it alone is quantized", false, run_sensitivity},
    {"generate", "continue or answer a prompt", false, run_generate},
    {"inspect", "show a model's tensors, schemes, sizes and ranges", false, run_inspect},
    {"verify", "re-check a model that fptq wrote", false, run_verify},
    {"pack", "make the packed copy that a quantized model is run from", false, run_pack},
    {"bench", "measure a model's speed and memory", false, run_bench},
    {"doctor", "show this machine, what fptq makes of it, and its limits", false, run_doctor},
    {"synth", "write a model of random weights in a real one's shape", false, run_synth},
    {"tokenize", "turn JSON lines into token ids and back", false, run_tokenize},
    {"logits", "write raw logits of token ids", true, run_logits},
};

std::string help() {
  std::string out =
      "Example:\n"
      "  fptq quantize ./SmolLM2-135M ./out && fptq generate ./out \"Once upon a time\"\n\n"
      "Quantizes language models to 4-bit weights and 8-bit activations (FPTQ), runs them, and measures "
      "what\n"
      "was lost. A model is a Hugging Face directory or a GGUF file.\n\n"
      "Commands:\n";
  for (const Command& command : kCommands) {
    if (!command.hidden) out += fmt::format("  {:<13}{}\n", command.name, command.summary);
  }
  return out +
         "\n"
         "  fptq COMMAND --help tells a command's options; fptq --version, what this build is.\n\n"
         "Exit codes: 0 done, 1 failure, 2 usage, 3 bad model or data, 4 input/output, 5 quality gate,\n"
         "6 verification failed, 130 and 143 interrupted.\n";
}

const Command& find_command(const std::string& name) {
  const auto found = std::ranges::find_if(kCommands, [&](const Command& c) { return name == c.name; });
  if (found != std::end(kCommands)) return *found;
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (!command.hidden) names.emplace_back(command.name);
  }
  const bool is_option = name.starts_with("-");
  if (is_option) names = {"--help", "--version"};
  const std::string near = closest(name, names);
  throw Error(ErrorKind::kUsage, "", fmt::format("unknown {} '{}'", is_option ? "option" : "command", name),
              near.empty() ? "see 'fptq --help'" : fmt::format("did you mean '{}'?", near));
}

}  // namespace

int dispatch(const Arguments& args) {
  if (args.empty()) throw Error(ErrorKind::kUsage, "", "no command given", "see 'fptq --help'");
  const std::string& first = args.front();
  if (first == "--version" || first == "-V") {
    print(version_line());
    return 0;
  }
  const bool wants_help = first == "--help" || first == "-h" || first == "help";
  if (wants_help && (args.size() == 1 || first != "help")) {
    print(help());
    return 0;
  }
  if (wants_help) return find_command(args[1]).run({"--help"});
  return find_command(first).run({args.begin() + 1, args.end()});
}

}  // namespace fptq::app
