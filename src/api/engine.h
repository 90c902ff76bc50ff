// A checkpoint opened and loaded for running: what most bodies of the public API start from.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/packed_copy.h"
#include "backend/backend.h"
#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "model/forward.h"

namespace fptq {

// A pool of `threads` (0: all cores). Throws Error(kUsage) outside 0..1024.
std::unique_ptr<ThreadPool> make_pool(int threads);

// One loaded model with its backend. Members are destroyed in reverse order, the model before its backend.
struct Engine {
  std::optional<PackedFile> packed;  // integer layers as the backend runs them, mapped
  Checkpoint checkpoint;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Model> model;
  double load_seconds = 0;

  // `pool` must outlive the engine. Runs on the checkpoint's packed copy; where there is none yet, makes it
  // or, where it cannot be kept, packs in memory.
  Engine(const std::string& path, ThreadPool& pool);
};

// Whole file as UTF-8 text, or Error: empty files and files that are not UTF-8 are refused.
std::string read_text(const std::string& path);

// Tokens of the chat or plain prompt, special tokens as the tokenizer adds them.
std::vector<int32_t> prompt_ids(const Checkpoint& checkpoint, const std::string& prompt, bool chat,
                                const std::string& system);

double seconds_now();
uint64_t peak_rss_bytes();

}  // namespace fptq
