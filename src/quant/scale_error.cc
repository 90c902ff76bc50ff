#include "quant/scale_error.h"

#include <fmt/format.h>

#include <cmath>

#include "fptq/error.h"

namespace fptq {

void expect_storable(float scale, DType dtype, const std::string& where, const std::string& what) {
  if (std::isfinite(scale)) return;
  throw Error(ErrorKind::kBadModel, where,
              fmt::format("{}: the scale exceeds {}", what, dtype_info(dtype).name), "try --dtype f32");
}

void expect_storable(float scale, DType dtype, const std::string& where, int64_t row, int64_t begin,
                     int64_t size) {
  if (std::isfinite(scale)) return;
  expect_storable(scale, dtype, where, fmt::format("row {}, columns {} to {}", row, begin, begin + size - 1));
}

}  // namespace fptq
