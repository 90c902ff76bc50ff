#include "quant/bit_budget/allocate_bits.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "fptq/error.h"

namespace fptq {
namespace {

constexpr int64_t kSteps = 65536;

size_t smallest(const std::vector<SizedForm>& forms) {
  return static_cast<size_t>(std::ranges::min_element(forms, {}, &SizedForm::bytes) - forms.begin());
}

}  // namespace

std::vector<size_t> allocate_bits(std::span<const std::vector<SizedForm>> items, int64_t budget) {
  int64_t least = 0, most = 0;
  for (const std::vector<SizedForm>& forms : items) {
    least += forms[smallest(forms)].bytes;
    most += std::ranges::max(forms, {}, &SizedForm::bytes).bytes;
  }
  if (least > budget) {
    throw Error(ErrorKind::kUsage, "bits per weight",
                fmt::format("the smallest forms take {} bytes, but only {} are allowed", least, budget));
  }
  // A budget beyond the largest forms has nothing more to give.
  const int64_t extra = std::min(budget, most) - least;
  const int64_t step = std::max<int64_t>(1, (extra + kSteps - 1) / kSteps), steps = extra / step;

  // best[s]: the least cost of the items so far within s steps; chosen[i][s]: the form of item i there.
  std::vector<double> best(static_cast<size_t>(steps + 1), 0.0), next(best.size());
  std::vector<std::vector<uint8_t>> chosen;
  for (const std::vector<SizedForm>& forms : items) {
    std::vector<uint8_t>& choice = chosen.emplace_back(best.size());
    std::ranges::fill(next, std::numeric_limits<double>::infinity());
    const int64_t base = forms[smallest(forms)].bytes;
    std::vector<size_t> by_size(forms.size());
    for (size_t f = 0; f < forms.size(); ++f) by_size[f] = f;
    std::ranges::stable_sort(by_size, {}, [&](size_t f) { return forms[f].bytes; });
    for (const size_t f : by_size) {
      const int64_t needs = (forms[f].bytes - base + step - 1) / step;
      for (int64_t s = needs; s <= steps; ++s) {
        const double cost = best[static_cast<size_t>(s - needs)] + forms[f].cost;
        if (cost >= next[static_cast<size_t>(s)]) continue;
        next[static_cast<size_t>(s)] = cost;
        choice[static_cast<size_t>(s)] = static_cast<uint8_t>(f);
      }
    }
    std::swap(best, next);
  }
  std::vector<size_t> result(items.size());
  int64_t left = steps;
  for (size_t i = items.size(); i-- > 0;) {
    const std::vector<SizedForm>& forms = items[i];
    result[i] = chosen[i][static_cast<size_t>(left)];
    left -= (forms[result[i]].bytes - forms[smallest(forms)].bytes + step - 1) / step;
  }
  return result;
}

}  // namespace fptq
