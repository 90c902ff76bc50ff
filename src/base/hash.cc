#include "base/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <new>

namespace fptq {

struct Hasher::State {
  struct Free {
    void operator()(XXH3_state_t* s) const { XXH3_freeState(s); }
  };
  std::unique_ptr<XXH3_state_t, Free> xxh;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {
  state_->xxh.reset(XXH3_createState());
  if (!state_->xxh) throw std::bad_alloc();
  XXH3_128bits_reset(state_->xxh.get());
}

Hasher::~Hasher() = default;

Hasher& Hasher::add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(state_->xxh.get(), bytes.data(), bytes.size());
  return *this;
}

std::string Hasher::hex() const {
  const XXH128_hash_t h = XXH3_128bits_digest(state_->xxh.get());
  return fmt::format("{:016x}{:016x}", h.high64, h.low64);
}

std::string hash_hex(std::span<const std::byte> bytes) {
  return Hasher().add(bytes).hex();
}

}  // namespace fptq
