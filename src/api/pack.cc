#include "fptq/pack.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/engine.h"
#include "fptq/error.h"

namespace fptq {
namespace {

// Packing is ordinary code: a machine need not be able to run what it packs for.
constexpr kernels::Isa kIsas[] = {kernels::Isa::kPortable, kernels::Isa::kAvx2, kernels::Isa::kAvx512Vnni};

std::vector<kernels::Isa> chosen_isas(const std::string& name) {
  if (name.empty()) return {kernels::active_isa()};
  if (name == "all") return {std::begin(kIsas), std::end(kIsas)};
  const auto* found = std::ranges::find_if(kIsas, [&](kernels::Isa isa) { return name == isa_name(isa); });
  if (found != std::end(kIsas)) return {*found};
  throw Error(ErrorKind::kUsage, "--isa",
              fmt::format("\"{}\" is none of portable, avx2, avx512vnni, all", name));
}

void inspect_copy(const Checkpoint& checkpoint, kernels::Isa isa, PackedCopy& copy) {
  try {
    const PackedFile file = open_packed_copy(checkpoint.path, isa);
    copy.bytes = file.bytes();
    copy.layers = std::ssize(file.layers());
    if (!fits(file, checkpoint.weights->config(), isa)) {
      copy.problem = "its layers are not the model's";
    } else if (const std::vector<std::string> damaged = file.damaged(); !damaged.empty()) {
      copy.problem = fmt::format("{} of {} layers differ from what was written, the first is {}",
                                 damaged.size(), file.layers().size(), damaged.front());
    }
  } catch (const Error& e) {
    copy.problem = e.what();
  }
}

}  // namespace

bool PackReport::ok() const {
  return std::ranges::all_of(copies, [](const PackedCopy& copy) { return copy.problem.empty(); });
}

PackReport pack(const std::string& model, const PackOptions& options) {
  const std::vector<kernels::Isa> isas = chosen_isas(options.isa);
  const auto pool = make_pool(options.threads);
  const Checkpoint checkpoint = open_checkpoint(model);
  if (!checkpoint.integer_layers) {
    throw Error(ErrorKind::kUsage, model, "has no layers with integer weights and inputs: nothing to pack",
                "quantize it first: fptq quantize MODEL OUT");
  }
  PackReport report;
  for (const kernels::Isa isa : isas) {
    const double start = seconds_now();
    PackedCopy copy;
    copy.isa = isa_name(isa);
    copy.path = packed_copy_path(checkpoint.path, isa).string();
    inspect_copy(checkpoint, isa, copy);
    if (!copy.problem.empty() && !options.check) {
      write_packed_copy(checkpoint, isa, *pool);
      copy.problem.clear();
      inspect_copy(checkpoint, isa, copy);
      copy.made = true;
    }
    copy.seconds = seconds_now() - start;
    report.copies.push_back(std::move(copy));
  }
  return report;
}

}  // namespace fptq
