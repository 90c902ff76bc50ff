#include "api/model_card.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "api/quantize_setup.h"
#include "fptq/version.h"
#include "model/layout.h"
#include "quant/method.h"
#include "quant/settings.h"

namespace fptq {
namespace {

// "w4a8": weights and activations, without how they are held.
std::string short_scheme(const QuantizeOptions& options) {
  const Scheme& scheme = find_scheme(options.scheme);
  if (!scheme.integer_weights()) return options.scheme;
  return fmt::format("w{}a{}", weight_bits(options),
                     activation_form(options) == ActivationForm::kFloat ? 16 : scheme.input.bits);
}

std::string type_name(CodeType type, int bits) {
  switch (type) {
    case CodeType::kInteger:
      return fmt::format("INT{}", bits);
    case CodeType::kFloat8E4M3:
      return "FP8 (E4M3)";
    case CodeType::kFloat8E5M2:
      return "FP8 (E5M2)";
    case CodeType::kNormalFloat4:
      return "NF4";
  }
  return "";
}

// The library that stores weights so.
const char* format_name(const QuantizeOptions& options) {
  return find_scheme(options.scheme).weights.type == CodeType::kNormalFloat4 ? "bitsandbytes"
                                                                             : "compressed-tensors";
}

// Who can load the result.
std::string format_line(const QuantizeOptions& options) {
  const std::string loads =
      find_scheme(options.scheme).weights.type == CodeType::kFloat8E5M2
          ? "The format is that of compressed-tensors with weights in E5M2, which its library does not "
            "read: `fptq generate` alone runs it."
          : fmt::format(
                "The format is {0}: transformers with the `{0}` package loads this folder, and "
                "`fptq generate` runs it.",
                format_name(options));
  return fmt::format(
      "\n{} `fptq_recipe.json` holds every decision, `fptq_report.json` what was measured; `fptq verify` "
      "re-checks the files.\n",
      loads);
}

std::string capitals(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string decisions_line(const QuantizeOptions& options, const QuantizeReport& report) {
  int64_t fixed = 0, token = 0, equalized = 0;
  for (const InputDecision& d : report.inputs) {
    token += d.activation == "token" ? 1 : 0;
    fixed += d.activation == "static" ? 1 : 0;
    equalized += d.equalized ? 1 : 0;
  }
  const std::string scaled =
      equalized == 0 ? "" : fmt::format("; {} with scales folded into the layers before them", equalized);
  if (fixed + token == 0) return "not quantized" + scaled;
  const ActivationSpec& input = find_scheme(options.scheme).input;
  return fmt::format("{}; of {} inputs of linear layers {} static per tensor, {} per token{}",
                     type_name(input.type, input.bits), report.inputs.size(), fixed, token, scaled);
}

// "28 as int4 g64 sym, 7 as int8 row sym, 1 not quantized": what a recipe made of the layers.
std::string forms_line(const QuantizeReport& report) {
  std::map<std::string, int64_t, std::greater<>> forms;
  for (const LinearReport& r : report.linears) {
    if (r.module != kHeadModule && r.module != kEmbeddingModule) ++forms[r.form];
  }
  std::string text;
  for (const auto& [form, count] : forms) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count,
                        form.empty() ? "not quantized" : "as " + form);
  }
  return text + ": `fptq_recipe.json` names them";
}

std::string groups_line(const QuantizeOptions& options, const QuantizeReport& report) {
  if (!options.rules.empty()) return forms_line(report);
  std::map<int64_t, int64_t, std::greater<>> sizes;
  for (const LinearReport& r : report.linears) {
    if (r.module != kHeadModule && r.module != kEmbeddingModule) ++sizes[r.group_size];
  }
  std::string text;
  for (const auto& [size, count] : sizes) {
    text += fmt::format("{}{} ({} matrices)", text.empty() ? "" : ", ",
                        options.per_tensor ? "one scale per matrix"
                        : size == 0        ? "one group per row"
                                           : fmt::format("groups of {}", size),
                        count);
  }
  const WeightSpec weights = find_scheme(options.scheme).weights;
  const std::string type = type_name(weights.type, weight_bits(options));
  if (weights.type == CodeType::kInteger)
    return fmt::format("{}, {}, {}", type, options.symmetric ? "symmetric" : "asymmetric", text);
  return fmt::format("{}, {}{}", type, text, weights.nested ? ", their scales quantized too" : "");
}

std::string kv_line(const QuantizeOptions& options) {
  if (options.kv == "int8") return "INT8 per head and token";
  if (options.kv == "fp8") return "FP8 (E4M3)";
  return options.kv == "f16" ? "16-bit floats" : "not quantized";
}

std::string head_line(const ModelConfig& config, const QuantizeOptions& options) {
  const std::optional<WeightSpec> spec = head_form(config, options);
  if (!spec) return "not quantized";
  return fmt::format("INT{}, {}, per-token activations", spec->bits,
                     spec->group_size == 0 ? "one scale per vocabulary entry"
                                           : fmt::format("groups of {}", spec->group_size));
}

std::string calibration_origin(const QuantizeOptions& options) {
  const std::string source = calibration_options(options).source;
  if (source == kRandomIds) return "random from the vocabulary";
  return source == kOwnText ? "written by the model itself" : "from a text";
}

}  // namespace

std::string model_card(const Checkpoint& source, const QuantizeOptions& options,
                       const QuantizeReport& report) {
  const std::string name = source.path.filename().empty() ? source.path.parent_path().filename().string()
                                                          : source.path.filename().string();
  const Method& method = method_of(options);
  const std::string bits = short_scheme(options);
  std::string card = fmt::format(
      "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- {}\n- "
      "fptq\n- {}\n---\n\n"
      "# {}, quantized to {}\n\n"
      "Made by fptq {} from a {} model of the {} family. Method `{}`: {}.\n\n",
      format_name(options), bits, name, capitals(bits), version_string(), source.format,
      source.weights->config().family, method.name, method.summary);
  if (!options.command.empty()) card += fmt::format("    {}\n\n", options.command);
  card += fmt::format(
      "| | |\n|---|---|\n| weights of the linear layers | {} |\n| bits per weight | {:.3f} |\n| activations "
      "| {} |\n| KV cache | {} |\n"
      "| embeddings | {} |\n| norms | not quantized |\n| head | {} |\n| calibration | {} |\n",
      groups_line(options, report), report.bits_per_weight, decisions_line(options, report), kv_line(options),
      embedding_form(source.weights->config(), options) ? "INT8, one scale per vocabulary entry"
                                                        : "not quantized",
      head_line(source.weights->config(), options),
      report.calibration_tokens == 0
          ? "none"
          : fmt::format("{} tokens, {}", report.calibration_tokens, calibration_origin(options)));
  if (const char* warning = find_scheme(options.scheme).warning)
    card += fmt::format("\nNote: {}.\n", warning);
  if (report.evaluation) {
    const EvalResult& e = *report.evaluation;
    card += fmt::format(
        "\nMeasured on {} held-out tokens ({}, windows of {}):\n\n| | original | quantized "
        "|\n|---|---|---|\n| perplexity | {:.3f} | {:.3f} |\n"
        "| mean KL divergence from the original | 0 | {:.4f} |\n| same most likely token | 1 | {:.4f} |\n",
        e.tokens, options.eval_text.empty() ? e.text : "the user's text", e.ctx, e.reference_perplexity,
        e.perplexity, e.kl->mean, e.kl->top1);
  }
  std::vector<LinearReport> worst = report.linears;
  const size_t shown = std::min<size_t>(worst.size(), 3);
  std::partial_sort(worst.begin(), worst.begin() + static_cast<ptrdiff_t>(shown), worst.end(),
                    [](const LinearReport& a, const LinearReport& b) { return a.sqnr_db < b.sqnr_db; });
  card += "\nLayers with the largest weight error:\n\n| layer | SQNR, dB | relative error |\n|---|---|---|\n";
  for (size_t i = 0; i < shown; ++i)
    card +=
        fmt::format("| {} | {:.2f} | {:.5f} |\n", worst[i].module, worst[i].sqnr_db, worst[i].relative_error);
  return card + format_line(options);
}

}  // namespace fptq
