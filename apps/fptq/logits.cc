#include "fptq/logits.h"

#include <fstream>
#include <iterator>

#include "common_options.h"
#include "fptq/error.h"
#include "fptq/json_lines.h"

namespace fptq::app {
namespace {

std::vector<int32_t> read_ids(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw Error(ErrorKind::kIo, path, "cannot be read");
  return ids_from_json(text, path);
}

}  // namespace

int run_logits(const Arguments& args) {
  std::string model, ids, out, kv = "auto";
  int threads = 0;
  CommandLine line(
      "logits", "fptq logits ./out --ids ids.json --out logits.f32",
      "Runs token ids (a JSON array) as one sequence and writes the logits of every position as float32.");
  line.positional("MODEL", model, "Hugging Face directory or GGUF file");
  line.text("--ids", "FILE", ids, "JSON array of token ids (needed)");
  line.text("--out", "FILE", out, "file to write (needed)");
  add_kv(line, kv);
  add_threads(line, threads);
  if (!line.parse(args)) return 0;
  if (ids.empty()) line.fail("is missing", "--ids");
  if (out.empty()) line.fail("is missing", "--out");
  write_logits(model, read_ids(ids), out, kv, threads);
  return 0;
}

}  // namespace fptq::app
