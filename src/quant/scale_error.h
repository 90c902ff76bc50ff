// The complaint of solvers about a group whose scale its type cannot hold.
#pragma once

#include <cstdint>
#include <string>

#include "tensor/dtype.h"

namespace fptq {

// Throws Error(kBadModel, where) unless `scale` is finite; the group is `size` columns of `row` from `begin`.
void expect_storable(float scale, DType dtype, const std::string& where, int64_t row, int64_t begin,
                     int64_t size);
// The same for a group that `what` names.
void expect_storable(float scale, DType dtype, const std::string& where, const std::string& what);

}  // namespace fptq
