// How long work reports to whoever started it. The library never prints.
#pragma once

#include <cstdint>
#include <string>

namespace fptq {

// Called from the thread that does the work, never concurrently. May throw to cancel: the exception
// travels up through the library, which leaves no partial output behind.
class Progress {
 public:
  virtual ~Progress() = default;
  // A phase begins ("quantize", "evaluate"); `total` units of work will follow (0: unknown).
  virtual void begin(const std::string& phase, int64_t total) = 0;
  // `done` of the phase's units are finished; `detail` names what is under work ("layer 3 down_proj").
  virtual void update(int64_t done, const std::string& detail) = 0;
  virtual void end() = 0;
};

// A Progress that stays silent; for callers that pass none.
Progress& no_progress();

}  // namespace fptq
