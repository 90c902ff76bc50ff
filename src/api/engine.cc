#include "api/engine.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>

#include "base/file_io.h"
#include "fptq/error.h"
#include "runtime/chat_format.h"

namespace fptq {

std::unique_ptr<ThreadPool> make_pool(int threads) {
  if (threads < 0 || threads > 1024) {
    throw Error(ErrorKind::kUsage, "--threads", fmt::format("{} is not in 0..1024", threads));
  }
  return std::make_unique<ThreadPool>(threads);
}

Engine::Engine(const std::string& path, ThreadPool& pool) {
  const double start = seconds_now();
  const kernels::Isa isa = kernels::active_isa();
  backend = make_cpu_backend(pool);
  packed = find_packed_copy(path, isa);
  checkpoint = open_checkpoint(path, packed ? ValueChecks::kNone : ValueChecks::kAll);
  if (packed && !fits(*packed, checkpoint.weights->config(), isa)) {
    packed.reset();
    checkpoint = open_checkpoint(path);
  }
  if (!packed) packed = keep_packed_copy(checkpoint, isa, pool);
  model = std::make_unique<Model>(*backend, *checkpoint.weights, packed ? packed->layers() : PackedLinears());
  load_seconds = seconds_now() - start;
}

std::string read_text(const std::string& path) {
  std::string text = read_text_file(path);
  if (text.empty()) throw Error(ErrorKind::kBadModel, path, "is empty, expected UTF-8 text");
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    throw Error(ErrorKind::kBadModel, path, "is UTF-16 text, expected UTF-8",
                "convert it: iconv -f UTF-16 -t UTF-8");
  }
  if (text.find('\0') != std::string::npos) {
    throw Error(ErrorKind::kBadModel, path, "holds zero bytes: binary data, expected UTF-8 text");
  }
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  return text;
}

std::vector<int32_t> prompt_ids(const Checkpoint& checkpoint, const std::string& prompt, bool chat,
                                const std::string& system) {
  const std::string text =
      chat ? format_chat(checkpoint.companions.chat_template, system, prompt, checkpoint.path.string())
           : prompt;
  return checkpoint.tokenizer->encode(text, {.add_special_tokens = true});
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

uint64_t peak_rss_bytes() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace fptq
