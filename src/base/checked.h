// Arithmetic on sizes that came from a file: every product and sum is checked before it is used.
#pragma once

#include <concepts>
#include <limits>
#include <string>
#include <utility>

#include "fptq/error.h"

namespace fptq {

// a * b or a + b; throws Error(kBadModel, where, ...) when the result does not fit T.
template <std::integral T>
T checked_mul(T a, T b, const std::string& where) {
  T r;
  if (__builtin_mul_overflow(a, b, &r)) {
    throw Error(ErrorKind::kBadModel, where,
                "size overflows: " + std::to_string(a) + " x " + std::to_string(b));
  }
  return r;
}

template <std::integral T>
T checked_add(T a, T b, const std::string& where) {
  T r;
  if (__builtin_add_overflow(a, b, &r)) {
    throw Error(ErrorKind::kBadModel, where,
                "size overflows: " + std::to_string(a) + " + " + std::to_string(b));
  }
  return r;
}

// Value-preserving integer conversion; throws when `v` is not representable in To.
template <std::integral To, std::integral From>
To checked_cast(From v, const std::string& where) {
  if (!std::in_range<To>(v)) {
    throw Error(ErrorKind::kBadModel, where, "value " + std::to_string(v) + " is out of range");
  }
  return static_cast<To>(v);
}

}  // namespace fptq
