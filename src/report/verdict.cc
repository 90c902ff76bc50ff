#include "report/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "report/module_place.h"
#include "report/text.h"

namespace fptq {

Grade grade(const Run& run) {
  if (!run.evaluation || !run.evaluation->kl) return Grade::kUnknown;
  const double kl = run.evaluation->kl->mean;
  return kl < 0.01   ? Grade::kSame
         : kl < 0.05 ? Grade::kClose
         : kl < 0.15 ? Grade::kNear
         : kl < 0.5  ? Grade::kFar
                     : Grade::kBroken;
}

namespace report {
namespace {

constexpr double kMostBits = 7.5;      // a layer above has its 8 bits already
constexpr double kWantedShare = 0.3;   // of the loss, after which no further layer is named
constexpr double kConcentrated = 2.0;  // times the even share that makes a layer worth naming
constexpr double kNearBits = 0.5;      // runs this close are of one size
constexpr double kFarToken = 50.0;     // times the median channel maximum
constexpr double kMuchClipped = 0.01;

// In the order of Grade.
struct GradeText {
  const char *name, *words;
};
constexpr GradeText kGradeTexts[] = {{"unknown", "not measured"},        {"same", "practically the original"},
                                     {"close", "close to the original"}, {"near", "near the original"},
                                     {"far", "far from the original"},   {"broken", "broken"}};

bool has_kl(const Run& run) {
  return run.failure.empty() && run.evaluation && run.evaluation->kl;
}
double kl_of(const Run& run) {
  return run.evaluation->kl->mean;
}

// Of the runs whose loss is known; infinite where no bits are.
double fewest_bits(const RunReport& report) {
  double fewest = INFINITY;
  for (const Run& run : report.runs) {
    if (has_kl(run) && run.bits_per_weight > 0) fewest = std::min(fewest, run.bits_per_weight);
  }
  return fewest;
}

bool is_small(const Run& run, double fewest) {
  return run.bits_per_weight > 0 ? run.bits_per_weight <= fewest + kNearBits : fewest == INFINITY;
}

std::string bits_text(double bits) {
  return fixed(bits, 2);
}

// "0 and 29", "0, 3 and 29"
std::string list_of(const std::vector<std::string>& words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i)
    out += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return out;
}

// "down_proj of layers 0 and 29, v_proj of layer 3"
std::string modules_text(const std::vector<std::string>& modules) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<int64_t>> layers;
  for (const std::string& module : modules) {
    const ModulePlace place = module_place(module);
    if (!layers.contains(place.name)) names.push_back(place.name);
    layers[place.name].push_back(place.layer);
  }
  std::vector<std::string> parts;
  for (const std::string& name : names) {
    std::vector<int64_t>& of_name = layers[name];
    std::ranges::sort(of_name);
    std::vector<std::string> numbers;
    for (const int64_t layer : of_name) numbers.push_back(std::to_string(layer));
    parts.push_back(of_name.front() < 0 ? name
                                        : fmt::format("{} of layer{} {}", name,
                                                      of_name.size() == 1 ? "" : "s", list_of(numbers)));
  }
  return list_of(parts);
}

struct Share {
  size_t index = 0;
  double share = 0;
};

// The largest parts of `parts` as the rules say. None when the loss is spread evenly.
std::vector<Share> concentrated(const std::vector<double>& parts, size_t most) {
  const double sum = std::accumulate(parts.begin(), parts.end(), 0.0);
  if (!(sum > 0)) return {};
  std::vector<Share> shares;
  for (size_t i = 0; i < parts.size(); ++i) shares.push_back({i, parts[i] / sum});
  std::ranges::stable_sort(shares, std::greater<>(), &Share::share);
  std::vector<Share> chosen;
  double together = 0;
  for (const Share& s : shares) {
    if (chosen.size() == most || together >= kWantedShare) break;
    if (s.share * static_cast<double>(parts.size()) < kConcentrated) break;
    chosen.push_back(s);
    together += s.share;
  }
  return chosen;
}

double sum_of(const std::vector<Share>& shares) {
  double sum = 0;
  for (const Share& s : shares) sum += s.share;
  return sum;
}

// Names in YAML: quoted, since they are a file's.
std::string yaml_quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string recipe_of(const std::vector<std::string>& targets) {
  std::string list;
  for (const std::string& t : targets) list += (list.empty() ? "" : ", ") + yaml_quoted(t);
  return fmt::format("rules:\n  - {{targets: [{}], bits: 8}}\n", list);
}

bool integers(const Run& run) {
  return run.quantization && std::ranges::any_of(run.quantization->linears, [](const LinearReport& l) {
           return l.form.starts_with("int");
         });
}

std::string loss_text(const Run& run) {
  const EvalResult& e = *run.evaluation;
  std::string text = fmt::format("KL {}, same top token {}", fixed(e.kl->mean, 3), percent(e.kl->top1, 0));
  if (e.reference_perplexity > 0)
    text += fmt::format(", perplexity {}", signed_percent(e.perplexity / e.reference_perplexity - 1));
  return text;
}

std::string headline_of(const RunReport& report, const Run* focus) {
  if (focus == nullptr) return "No run has results to judge.";
  if (!has_kl(*focus)) return fmt::format("{}: its loss was not measured.", focus->name);
  const double fewest = fewest_bits(report);
  const auto small = std::ranges::count_if(
      report.runs, [&](const Run& run) { return has_kl(run) && is_small(run, fewest); });
  const std::string words = grade_words(grade(*focus)), loss = loss_text(*focus);
  const std::string bits = focus->bits_per_weight > 0
                               ? fmt::format("at {} bits per weight ", bits_text(focus->bits_per_weight))
                               : "";
  if (small == 1) return fmt::format("{} {}is {}: {}.", focus->name, bits, words, loss);
  return fmt::format("{} loses least of the {} smallest runs: {}it is {} ({}).", focus->name, small, bits,
                     words, loss);
}

void add_size_and_speed(const RunReport& report, const Run& focus, std::vector<std::string>& out) {
  const Run& original = report.original;
  std::string text;
  if (focus.file_bytes > 0 && original.file_bytes > 0) {
    text = fmt::format(
        "It takes {}, {} of the original's {}", bytes(focus.file_bytes),
        percent(static_cast<double>(focus.file_bytes) / static_cast<double>(original.file_bytes), 0),
        bytes(original.file_bytes));
  }
  if (focus.speed && original.speed && original.speed->decode_tokens_per_second > 0 &&
      focus.speed->conditions == original.speed->conditions) {
    const double times = focus.speed->decode_tokens_per_second / original.speed->decode_tokens_per_second;
    text += fmt::format("{} decodes {} times as fast", text.empty() ? "It" : ", and", fixed(times, 1));
  }
  if (!text.empty()) out.push_back(text + ".");
}

void add_close_run(const RunReport& report, const Run& focus, std::vector<std::string>& out) {
  if (grade(focus) <= Grade::kClose) return;
  const Run* smallest = nullptr;
  for (const Run& run : report.runs) {
    if (!has_kl(run) || grade(run) > Grade::kClose || run.bits_per_weight <= 0) continue;
    if (smallest == nullptr || run.bits_per_weight < smallest->bits_per_weight) smallest = &run;
  }
  if (smallest == nullptr) {
    out.emplace_back("No run stays close to the original (KL below 0.05).");
  } else {
    out.push_back(fmt::format("To stay close (KL below 0.05), take {}: {} bits per weight, KL {}.",
                              smallest->name, bits_text(smallest->bits_per_weight),
                              fixed(kl_of(*smallest), 3)));
  }
}

void add_dominated(const RunReport& report, std::vector<std::string>& out) {
  const std::vector<const Run*> front = undominated(report);
  std::vector<std::string> beaten;
  for (const Run& run : report.runs) {
    if (has_kl(run) && run.bits_per_weight > 0 && !std::ranges::count(front, &run))
      beaten.push_back(run.name);
  }
  if (beaten.empty()) return;
  out.push_back(fmt::format("{} lose more than another run that takes no more bits.", list_of(beaten)));
  if (beaten.size() == 1)
    out.back() = fmt::format("{} loses more than another run that takes no more bits.", beaten[0]);
}

}  // namespace

const char* grade_name(Grade grade) {
  return kGradeTexts[static_cast<size_t>(grade)].name;
}

std::string grade_words(Grade grade) {
  return kGradeTexts[static_cast<size_t>(grade)].words;
}

std::vector<const Run*> undominated(const RunReport& report) {
  std::vector<const Run*> front;
  for (const Run& run : report.runs) {
    if (!has_kl(run) || run.bits_per_weight <= 0) continue;
    const bool beaten = std::ranges::any_of(report.runs, [&](const Run& other) {
      return has_kl(other) && other.bits_per_weight > 0 && other.bits_per_weight <= run.bits_per_weight &&
             kl_of(other) < kl_of(run);
    });
    if (!beaten) front.push_back(&run);
  }
  return front;
}

const Run* focus_of(const RunReport& report) {
  const double fewest = fewest_bits(report);
  const Run* focus = nullptr;
  for (const Run& run : report.runs) {
    if (!has_kl(run) || !is_small(run, fewest)) continue;
    if (focus == nullptr || kl_of(run) < kl_of(*focus)) focus = &run;
  }
  if (focus != nullptr) return focus;
  const auto known = std::ranges::find_if(
      report.runs, [](const Run& run) { return run.quantization && !run.quantization->linears.empty(); });
  return known != report.runs.end() ? &*known : report.runs.empty() ? nullptr : &report.runs.front();
}

const SensitivityResult* sensitivity_for(const RunReport& report, const Run& run) {
  for (const SensitivityResult& s : report.sensitivities) {
    const bool same_scheme = !run.quantization || s.scheme == run.quantization->scheme;
    if (s.method == run.method && same_scheme) return &s;
  }
  return nullptr;
}

std::optional<Advice> advice_by_sensitivity(const Run& run, const SensitivityResult& sensitivity) {
  if (run.quantization && !integers(run)) return std::nullopt;  // no other type stands beside 8-bit integers
  std::vector<double> losses;
  double weights = 0;
  for (const LayerSensitivity& l : sensitivity.layers) {
    losses.push_back(l.bits_per_weight < kMostBits ? l.kl : 0);
    weights += static_cast<double>(l.weights);
  }
  const std::vector<Share> worst = concentrated(losses, 5);
  if (worst.empty()) return std::nullopt;
  Advice advice;
  std::vector<std::string> modules;
  for (const Share& s : worst) {
    const LayerSensitivity& l = sensitivity.layers[s.index];
    modules.push_back(l.module);
    advice.bits += static_cast<double>(l.weights) * (8 - l.bits_per_weight) / weights;
  }
  const double share = sum_of(worst);
  advice.what = fmt::format("Keep {} in 8 bits.", modules_text(modules));
  advice.why = fmt::format("{} carr{} {} of the loss of all {} layers, each quantized alone{}.",
                           modules.size() == 1 ? "It" : "They", modules.size() == 1 ? "ies" : "y",
                           percent(share, 0), sensitivity.layers.size(),
                           has_kl(run) ? fmt::format("; at best KL falls from {} to about {}",
                                                     fixed(kl_of(run), 3), fixed(kl_of(run) * (1 - share), 3))
                                       : "");
  advice.recipe = recipe_of(modules);
  return advice;
}

std::optional<Advice> advice_by_blocks(const Run& run) {
  if (!integers(run) || run.quantization->blocks.empty()) return std::nullopt;
  const QuantizeReport& q = *run.quantization;
  std::vector<double> added;
  double before = 0;
  for (const BlockReport& b : q.blocks) {
    const double noise = std::pow(10.0, -b.output_sqnr_db / 10);
    added.push_back(std::max(0.0, noise - before));
    before = noise;
  }
  const std::vector<Share> worst = concentrated(added, 3);
  if (worst.empty()) return std::nullopt;
  std::vector<int64_t> layers;
  for (const Share& s : worst) layers.push_back(q.blocks[s.index].layer);
  std::ranges::sort(layers);
  Advice advice;
  std::vector<std::string> targets, numbers;
  for (const int64_t layer : layers) numbers.push_back(std::to_string(layer));
  double weights = 0;
  for (const LinearReport& l : q.linears) {
    const int64_t layer = module_place(l.module).layer;
    if (layer < 0) continue;
    weights += static_cast<double>(l.weights);
    if (!std::ranges::count(layers, layer) || l.bits >= kMostBits || l.bits == 0) continue;
    targets.push_back(l.module);
    advice.bits += static_cast<double>(l.weights) * (8 - l.bits);
  }
  if (targets.empty() || weights == 0) return std::nullopt;
  advice.bits /= weights;
  const char* plural = layers.size() == 1 ? "" : "s";
  advice.what = fmt::format("Keep block{} {} in 8 bits.", plural, list_of(numbers));
  advice.why = fmt::format(
      "{} of the noise in the blocks' outputs is added there. 'fptq sensitivity' tells which layers do it.",
      percent(sum_of(worst), 0));
  advice.recipe = recipe_of(targets);
  return advice;
}

std::optional<Advice> advice_on_static_inputs(const Run& run) {
  if (!run.quantization) return std::nullopt;
  int64_t inputs = 0, all = 0;
  for (const InputDecision& d : run.quantization->inputs) {
    if (d.activation != "static") continue;
    ++all;
    const ChannelMaxima& after = d.profile.after;
    if (d.profile.massive_tokens > 0 && after.median > 0 && after.largest > kFarToken * after.median)
      ++inputs;
  }
  if (inputs == 0) return std::nullopt;
  return Advice{
      .what = "Give inputs a scale per token.",
      .why = fmt::format("{} of {} static inputs have massive tokens and a maximum above {:g} times the "
                         "median channel's: one scale for all tokens rounds the others coarsely.",
                         inputs, all, kFarToken),
      .options = "--scheme w4a8-token"};
}

std::optional<Advice> advice_on_clipping(const Run& run) {
  if (!integers(run)) return std::nullopt;
  std::vector<std::string> modules;
  double bits = 0, weights = 0;
  for (const LinearReport& l : run.quantization->linears) {
    weights += static_cast<double>(l.weights);
    if (l.group_size > 0) bits += static_cast<double>(l.weights) * l.bits / static_cast<double>(l.group_size);
    if (l.clipped_share > kMuchClipped && l.form.find("asym") == std::string::npos)
      modules.push_back(l.module);
  }
  if (modules.empty() || weights == 0) return std::nullopt;
  return Advice{.what = "Use zero points.",
                .why = fmt::format("{} clip more than {:g} % of their weights.",
                                   times(std::ssize(modules), "symmetric layer"), 100 * kMuchClipped),
                .bits = bits / weights,
                .options = "--asym"};
}

}  // namespace report

Verdict judge(const RunReport& report) {
  using namespace report;
  Verdict verdict;
  const Run* focus = focus_of(report);
  verdict.headline = headline_of(report, focus);
  if (focus == nullptr) return verdict;
  verdict.focus = focus->name;
  add_size_and_speed(report, *focus, verdict.sentences);
  if (has_kl(*focus)) add_close_run(report, *focus, verdict.sentences);
  add_dominated(report, verdict.sentences);
  const auto add = [&](std::optional<Advice> advice) {
    if (advice) verdict.advice.push_back(std::move(*advice));
    return advice.has_value();
  };
  const SensitivityResult* sensitivity = sensitivity_for(report, *focus);
  if (sensitivity == nullptr || !add(advice_by_sensitivity(*focus, *sensitivity)))
    add(advice_by_blocks(*focus));
  add(advice_on_static_inputs(*focus));
  add(advice_on_clipping(*focus));
  if (verdict.advice.empty() && sensitivity != nullptr && has_kl(*focus) && grade(*focus) > Grade::kClose) {
    verdict.sentences.emplace_back(
        "Its loss is spread evenly over the layers: more bits for a few of them would gain little.");
  }
  return verdict;
}

}  // namespace fptq
