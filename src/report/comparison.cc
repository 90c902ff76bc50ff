#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/table.h"
#include "report/text.h"

namespace fptq {
namespace {

using namespace report;

Json model_members(const ComparedModel& model) {
  return {{"path", model.path},
          {"format", model.format},
          {"file_bytes", model.file_bytes},
          {"dense_bytes", model.dense_bytes},
          {"bits_per_weight", model.bits_per_weight},
          {"perplexity", model.perplexity},
          {"sample", model.sample},
          {"timing",
           {{"load_seconds", model.load_seconds},
            {"prefill_tokens_per_second", model.prefill_tokens_per_second},
            {"decode_tokens_per_second", model.decode_tokens_per_second},
            {"peak_rss_bytes", model.peak_rss_bytes}}}};
}

std::string ratio(double quantized, double original) {
  return original > 0 ? fmt::format("x {}", fixed(quantized / original, 2)) : "-";
}

// A sample answer, its lines set in under the model's name.
std::string quoted(const std::string& title, const std::string& sample) {
  std::string out = "\n" + title + " answers:\n";
  size_t begin = 0;
  while (begin <= sample.size()) {
    const size_t end = std::min(sample.find('\n', begin), sample.size());
    out += "  " + printable(std::string_view(sample).substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return out;
}

}  // namespace

std::string to_json(const CompareResult& result) {
  Json json = document("fptq.compare.v1");
  json["original"] = model_members(result.original);
  json["quantized"] = model_members(result.quantized);
  json["tokens"] = result.tokens;
  add_divergence(json, result.kl);
  return dump(json);
}

std::string to_text(const CompareResult& result) {
  using Align = Table::Align;
  const ComparedModel &a = result.original, &b = result.quantized;
  Table table({{""}, {"original", Align::kRight}, {"quantized", Align::kRight}, {"", Align::kRight}});
  const auto add = [&](const char* name, double of_a, double of_b,
                       const std::function<std::string(double)>& show) {
    table.add({name, show(of_a), show(of_b), ratio(of_b, of_a)});
  };
  const auto as_bytes = [](double v) { return bytes(static_cast<uint64_t>(v)); };
  const auto digits = [](int count) { return [count](double v) { return fixed(v, count); }; };
  add("file size", static_cast<double>(a.file_bytes), static_cast<double>(b.file_bytes), as_bytes);
  // What the original takes unquantized: a GGUF file may hold it in few bits already.
  table.add({"size in 16 bits", bytes(a.dense_bytes), "",
             ratio(static_cast<double>(b.file_bytes), static_cast<double>(a.dense_bytes))});
  add("bits per weight", a.bits_per_weight, b.bits_per_weight, digits(2));
  add("perplexity", a.perplexity, b.perplexity, digits(3));
  table.add({"KL divergence, mean", "", fixed(result.kl.mean, 4)});
  table.add({"KL divergence, p99", "", fixed(result.kl.p99, 4)});
  table.add({"top-1 agreement", "", percent(result.kl.top1)});
  add("prefill, tokens/s", a.prefill_tokens_per_second, b.prefill_tokens_per_second, digits(1));
  add("decode, tokens/s", a.decode_tokens_per_second, b.decode_tokens_per_second, digits(1));
  add("load time, s", a.load_seconds, b.load_seconds, digits(2));
  add("peak memory", static_cast<double>(a.peak_rss_bytes), static_cast<double>(b.peak_rss_bytes), as_bytes);
  std::string out = fmt::format("original   {} ({})\nquantized  {} ({})\n\n", printable(a.path),
                                printable(a.format), printable(b.path), printable(b.format));
  out += table.render();
  out += fmt::format("\nperplexity and divergence over {} tokens\n", grouped(result.tokens));
  return out + quoted("original", a.sample) + quoted("quantized", b.sample);
}

}  // namespace fptq
