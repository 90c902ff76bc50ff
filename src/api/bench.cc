#include "fptq/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "api/energy_meter.h"
#include "api/engine.h"
#include "api/kv_names.h"
#include "api/peak_memory.h"
#include "base/thread_pool.h"
#include "base/uniform.h"
#include "fptq/error.h"

namespace fptq {
namespace {

constexpr int64_t kPrefillTokens = 512;  // of one pass, as when text is generated

Measured summary(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  Measured out;
  out.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - out.mean) * (v - out.mean);
  if (values.size() > 1) out.deviation = std::sqrt(squares / (n - 1));
  return out;
}

std::vector<std::vector<int32_t>> random_prompts(int64_t vocab, int batch, int64_t length) {
  std::mt19937_64 random(0);
  std::vector<std::vector<int32_t>> prompts(static_cast<size_t>(batch));
  for (std::vector<int32_t>& prompt : prompts) {
    prompt.resize(static_cast<size_t>(length));
    for (int32_t& id : prompt) id = static_cast<int32_t>(draw_below(random, static_cast<uint64_t>(vocab)));
  }
  return prompts;
}

// A batch of sequences of equal length on its way through the model.
class Batch {
 public:
  Batch(Model& model, int64_t sequences, KvType kv)
      : model_(model),
        hidden_(static_cast<size_t>(sequences * model.config().hidden_size)),
        logits_(static_cast<size_t>(sequences * model.config().vocab_size)),
        next_(static_cast<size_t>(sequences)) {
    for (int64_t i = 0; i < sequences; ++i) caches_.push_back(model.make_cache(kv));
  }

  void prefill(const std::vector<std::vector<int32_t>>& prompts) {
    const int64_t length = std::ssize(prompts.front());
    const int64_t piece = std::max<int64_t>(1, kPrefillTokens / std::ssize(caches_));
    for (int64_t at = 0; at < length; at += piece) {
      const int64_t count = std::min(piece, length - at);
      std::vector<SequenceInput> inputs;
      for (size_t i = 0; i < caches_.size(); ++i) {
        inputs.push_back({std::span(prompts[i]).subspan(static_cast<size_t>(at), static_cast<size_t>(count)),
                          &caches_[i]});
      }
      model_.forward(inputs);
      last_count_ = count;
    }
  }
  // The likeliest token behind each sequence.
  void choose() {
    const int64_t width = model_.config().hidden_size, vocab = model_.config().vocab_size;
    const int64_t sequences = std::ssize(caches_);
    for (int64_t i = 0; i < sequences; ++i) {
      const float* last = model_.hidden() + ((i + 1) * last_count_ - 1) * width;
      std::copy_n(last, width, hidden_.data() + i * width);
    }
    model_.logits(hidden_.data(), sequences, logits_.data());
    for (int64_t i = 0; i < sequences; ++i) {
      const float* row = logits_.data() + i * vocab;
      next_[static_cast<size_t>(i)] = static_cast<int32_t>(std::max_element(row, row + vocab) - row);
    }
  }
  // One token for each sequence: runs the ones chosen last and chooses the next.
  void decode() {
    std::vector<SequenceInput> inputs;
    for (size_t i = 0; i < caches_.size(); ++i) inputs.push_back({std::span(&next_[i], 1), &caches_[i]});
    model_.forward(inputs);
    last_count_ = 1;
    choose();
  }

 private:
  Model& model_;
  std::vector<KvCache> caches_;
  AlignedBuffer<float> hidden_, logits_;
  std::vector<int32_t> next_;
  int64_t last_count_ = 0;  // tokens of each sequence in the last pass
};

struct Combination {
  int threads, batch;
  KvType kv;
};

class Bench {
 public:
  Bench(const BenchOptions& options, Progress& progress) : options_(options), progress_(progress) {}

  BenchRun run(Model& model, const Combination& c) {
    BenchRun run;
    run.threads = c.threads;
    run.batch = c.batch;
    run.kv = kv_name(c.kv);
    run.prompt = options_.prompt;
    run.gen = options_.gen;
    const auto prompts = random_prompts(model.config().vocab_size, c.batch, options_.prompt);
    warm_up(model, c);
    std::vector<double> prefill, decode, first;
    const std::optional<EnergyMeter> meter = EnergyMeter::of_this_machine();
    double prefill_joules = 0, decode_joules = 0;
    for (int repeat = 0; repeat < options_.repeats; ++repeat) {
      Batch batch(model, c.batch, c.kv);
      const auto energy = [&] { return meter ? meter->read() : EnergyMeter::Reading(); };
      const EnergyMeter::Reading before = energy();
      const double start = seconds_now();
      batch.prefill(prompts);
      const double prefilled = seconds_now();
      batch.choose();
      const double chosen = seconds_now();
      const EnergyMeter::Reading between = energy();
      for (int64_t i = 0; i < options_.gen; ++i) batch.decode();
      const double end = seconds_now();
      if (meter) {
        prefill_joules += meter->joules(before, between);
        decode_joules += meter->joules(between, meter->read());
      }
      prefill.push_back(static_cast<double>(options_.prompt * c.batch) / (prefilled - start));
      first.push_back(chosen - start);
      decode.push_back(static_cast<double>(options_.gen * c.batch) / (end - chosen));
      progress_.update(++done_, fmt::format("{} threads, batch {}, kv {}", c.threads, c.batch, run.kv));
    }
    run.prefill_tokens_per_s = summary(prefill);
    run.decode_tokens_per_s = summary(decode);
    run.first_token_s = summary(first);
    if (meter) {
      const double sequences = static_cast<double>(options_.repeats) * c.batch;
      run.prefill_joules_per_token = prefill_joules / (sequences * static_cast<double>(options_.prompt));
      run.decode_joules_per_token = decode_joules / (sequences * static_cast<double>(options_.gen));
    }
    return run;
  }

 private:
  // Brings the weights into memory and the processor to its speed.
  void warm_up(Model& model, const Combination& c) const {
    Batch batch(model, c.batch, c.kv);
    batch.prefill(random_prompts(model.config().vocab_size, c.batch, std::min<int64_t>(options_.prompt, 32)));
    batch.choose();
    if (options_.prompt + 1 <= model.config().max_position) batch.decode();
  }

  const BenchOptions& options_;
  Progress& progress_;
  int64_t done_ = 0;
};

void check(const BenchOptions& options) {
  const auto at_least_1 = [](const char* name, int64_t value) {
    if (value < 1) throw Error(ErrorKind::kUsage, name, fmt::format("{} is not a number >= 1", value));
  };
  for (const int n : options.threads) at_least_1("--threads", n);
  for (const int n : options.batch) at_least_1("--batch", n);
  at_least_1("--prompt", options.prompt);
  at_least_1("--gen", options.gen);
  at_least_1("--repeats", options.repeats);
  for (const std::string& name : options.kv) check_kv_name(name);
}

std::vector<KvType> kv_types(const BenchOptions& options, const Checkpoint& checkpoint) {
  if (options.kv.empty()) return {kv_type("auto", checkpoint)};
  std::vector<KvType> types;
  for (const std::string& name : options.kv) types.push_back(kv_type(name, checkpoint));
  return types;
}

}  // namespace

BenchResult bench(const std::string& model, const BenchOptions& options, Progress& progress) {
  check(options);
  BenchResult result;
  result.model = model;
  result.machine = machine_facts();
  result.repeats = options.repeats;
  const std::vector<int> threads =
      options.threads.empty() ? std::vector<int>{result.machine.usable_cores} : options.threads;
  Bench measure(options, progress);
  const size_t kvs = std::max<size_t>(options.kv.size(), 1);
  progress.begin("bench",
                 static_cast<int64_t>(threads.size() * options.batch.size() * kvs) * options.repeats);
  for (const int n : threads) {
    const auto pool = make_pool(n);
    reset_peak_rss();
    const Engine engine(model, *pool);
    const int64_t most = engine.model->config().max_position;
    if (options.prompt > most || options.gen > most - options.prompt) {
      throw Error(ErrorKind::kUsage, "--prompt",
                  fmt::format("{} tokens and {} more exceed the model's maximum of {}", options.prompt,
                              options.gen, most));
    }
    result.format = engine.checkpoint.format;
    result.file_bytes = engine.checkpoint.file_bytes;
    const uint64_t loading_peak = peak_rss_since_reset();
    for (const int batch : options.batch) {
      for (const KvType kv : kv_types(options, engine.checkpoint)) {
        reset_peak_rss();
        BenchRun& run = result.runs.emplace_back(measure.run(*engine.model, {n, batch, kv}));
        run.load_s = engine.load_seconds;
        run.peak_rss_bytes = std::max(loading_peak, peak_rss_since_reset());
      }
    }
  }
  progress.end();
  return result;
}

}  // namespace fptq
