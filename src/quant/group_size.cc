#include "quant/group_size.h"

#include <fmt/format.h>

#include "fptq/error.h"

namespace fptq {
namespace {

constexpr int64_t kWholeRow = -1;
constexpr int64_t kStep = 16;  // what integer kernels like to find whole
constexpr int64_t kLargest = 65536;

}  // namespace

void check_group_size(int64_t wanted) {
  if (wanted == kWholeRow || (wanted >= kStep && wanted <= kLargest && wanted % kStep == 0)) return;
  throw Error(ErrorKind::kUsage, "--group-size",
              fmt::format("is {}, expected a multiple of {} from {} to {}, or -1 for one group per row",
                          wanted, kStep, kStep, kLargest));
}

GroupSize resolve_group_size(int64_t cols, int64_t wanted) {
  check_group_size(wanted);
  if (wanted == kWholeRow) return {0, false};
  if (cols % wanted == 0) return {wanted, false};
  for (const int64_t size : {int64_t{64}, int64_t{32}}) {
    if (size < wanted && cols % size == 0) return {size, true};
  }
  return {0, true};
}

}  // namespace fptq
