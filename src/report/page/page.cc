#include <fmt/format.h>

#include "fptq/run_report.h"
#include "report/page/assets.h"
#include "report/page/html.h"
#include "report/page/sections.h"
#include "report/svg_parts.h"
#include "report/text.h"

namespace fptq {
namespace {

using namespace report;

// Pages are sent by mail and kept in repositories.
constexpr size_t kMostBytes = 3'000'000;
constexpr size_t kFrameBytes = 20'000;

constexpr const char* kGlossary =
    R"(<section id="terms" aria-labelledby="terms-h"><h2 id="terms-h">Terms</h2><dl>
<dt>KL divergence</dt><dd>How far the model's predictions are from the original's, in nats, at each position of the text; 0 is no difference. Below 0.01 a run is called the same, below 0.05 close, below 0.15 near, below 0.5 far, above it broken.</dd>
<dt>Top-1</dt><dd>Share of positions at which both models find the same token the likeliest.</dd>
<dt>Perplexity</dt><dd>exp of the mean loss of a token; the change is against the original on the same text.</dd>
<dt>Bits per weight</dt><dd>Of the linear layers of the blocks, scales and zero points counted.</dd>
<dt>SQNR</dt><dd>Signal to quantization noise, −10 log10 of the relative squared error: 20 dB is an error of a hundredth.</dd>
<dt>Clipped</dt><dd>Share of weights that would round to a code beyond the last one of their group.</dd>
<dt>Static, per token</dt><dd>One scale of the input for all tokens, known beforehand; or one from each token's own maximum.</dd>
<dt>Equalized</dt><dd>Divided channel by channel by scales that are folded into the layers before and after (LAE, SmoothQuant, AWQ).</dd>
<dt>Kurtosis</dt><dd>E[(x − m)⁴] / E[(x − m)²]² of an input's values: 3 for a Gaussian, large where outliers rule.</dd>
<dt>Outlier channels, massive tokens</dt><dd>Channels whose largest |x| is more than 10 times the median channel's; tokens whose largest |x| is more than 10 times the median token's.</dd>
</dl></section>
)";

std::string subtitle(const RunReport& report) {
  std::string text = times(std::ssize(report.runs), "run") + " against the original";
  for (const Run& run : report.runs) {
    if (!run.evaluation || !run.evaluation->kl) continue;
    const EvalResult& e = *run.evaluation;
    if (e.tokens > 0) text += fmt::format(" · {} tokens", grouped(e.tokens));
    if (!e.text.empty()) text += fmt::format(" of {}", e.text);
    if (e.ctx > 0) text += fmt::format(" in windows of {}", grouped(e.ctx));
    break;
  }
  return text;
}

// Replaces the marks of the frame in their order. What takes their places is not searched for marks.
std::string framed(const std::string& title, const std::string& body) {
  const std::string_view frame = page_frame();
  std::string out;
  size_t at = 0;
  const auto fill = [&](std::string_view name, std::string_view with) {
    const size_t found = frame.find(name, at);
    out += frame.substr(at, found - at);
    out += with;
    at = found + name.size();
  };
  fill("{{title}}", escaped(title));
  fill("{{style}}", page_style());
  fill("{{body}}", body);
  fill("{{script}}", page_script());
  return out + std::string(frame.substr(at));
}

std::string details_section(const RunReport& report, size_t room) {
  std::string body, left_out;
  for (const Run& run : report.runs) {
    const std::string details = run_details(report, run);
    if (details.empty()) continue;
    if (body.size() + details.size() > room) {
      left_out += (left_out.empty() ? "" : ", ") + escaped(run.name);
    } else if (is_focus(report, run)) {
      body = details + body;
    } else {
      body += details;
    }
  }
  if (!left_out.empty())
    body += fmt::format("<p>Left out to keep the page small, and whole in the JSON and CSV forms: {}.</p>",
                        left_out);
  if (body.empty()) return "";
  return "<section id=\"details\" aria-labelledby=\"details-h\"><h2 id=\"details-h\">Layer by layer</h2>\n" +
         body + "</section>\n";
}

}  // namespace

std::string to_html(const RunReport& report) {
  const std::string title = "Quantizing " + report.title;
  const std::string layers = layers_section(report), inputs = inputs_section(report);
  std::string body = fmt::format(
      "<a class=\"skip\" href=\"#runs\">To the table of all runs</a><header><h1>{}</h1><p>{}</p>"
      "<nav aria-label=\"Sections\"><ul><li><a href=\"#runs\">Runs</a></li>",
      escaped(title), escaped(subtitle(report)));
  std::string main = verdict_section(report) + runs_section(report) + layers + inputs;
  const size_t used = main.size() + page_style().size() + page_script().size() + kFrameBytes;
  const std::string details = details_section(report, used < kMostBytes ? kMostBytes - used : 0);
  const auto link = [&](const char* id, const char* name, const std::string& section) {
    if (!section.empty()) body += fmt::format("<li><a href=\"#{}\">{}</a></li>", id, name);
  };
  link("layers", "Where it is lost", layers);
  link("inputs", "What the layers read", inputs);
  link("details", "Layer by layer", details);
  body += "<li><a href=\"#terms\">Terms</a></li></ul></nav></header>\n<main>\n" + main + details + kGlossary +
          "</main>\n<footer>Made by fptq report.</footer>\n";
  return framed(title, body);
}

}  // namespace fptq
