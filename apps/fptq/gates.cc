#include "gates.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "console.h"
#include "fptq/error.h"

namespace fptq::app {
namespace {

// "1%" and "0.01" are the same.
std::optional<double> parse_share(std::string text) {
  const bool percent = text.ends_with('%');
  if (percent) text.pop_back();
  while (text.ends_with(' ')) text.pop_back();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0) || !std::isfinite(value))
    return std::nullopt;
  return percent ? value / 100 : value;
}

void add(std::string& failures, const std::string& name, const std::string& what) {
  failures += fmt::format("{}{}: {}", failures.empty() ? "" : "; ", name, what);
}

}  // namespace

void add_gates(CommandLine& line, Gates& gates) {
  line.number_or("--max-kl", "none", gates.max_kl, 0, 1e30, "exit 5 when the mean KL divergence is above it");
  line.text("--max-ppl-increase", "SHARE", gates.max_ppl_increase,
            "exit 5 when perplexity grows by more: 1% or 0.01");
}

void check_gates(const CommandLine& line, Gates& gates, const std::string& needs) {
  for (const char* gate : {"--max-kl", "--max-ppl-increase"}) {
    if (!needs.empty()) line.require(gate, needs, "there is nothing to compare with");
  }
  if (!line.given("--max-ppl-increase")) return;
  gates.ppl_increase = parse_share(gates.max_ppl_increase);
  if (!gates.ppl_increase) {
    line.fail(fmt::format("expected a share that is not negative, as 1% or 0.01, found '{}'",
                          gates.max_ppl_increase),
              "--max-ppl-increase");
  }
}

void hold_to_gates(const Gates& gates, const std::vector<GatedModel>& models) {
  std::string failures;
  for (const GatedModel& m : models) {
    if (gates.max_kl && !(m.kl <= *gates.max_kl)) {
      add(failures, m.name,
          fmt::format("mean KL divergence is {:.6f}, expected at most {}: {:.6f} too much", m.kl,
                      *gates.max_kl, m.kl - *gates.max_kl));
    }
    const double increase = m.perplexity / m.reference_perplexity - 1;
    if (gates.ppl_increase && !(increase <= *gates.ppl_increase)) {
      add(failures, m.name,
          fmt::format("perplexity grew by {:.2f} %, from {:.3f} to {:.3f}, expected at most {:g} %: {:.2f} "
                      "points too much",
                      100 * increase, m.reference_perplexity, m.perplexity, 100 * *gates.ppl_increase,
                      100 * (increase - *gates.ppl_increase)));
    }
  }
  if (failures.empty()) return;
  flush_results();
  throw Error(ErrorKind::kGate, "", "quality gate failed: " + failures);
}

}  // namespace fptq::app
