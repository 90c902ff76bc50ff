// Progress on stderr: a bar that is redrawn on a terminal, and elsewhere a line now and then.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "fptq/progress.h"

namespace fptq::app {

enum class Verbosity { kQuiet, kNormal, kVerbose };

class ProgressLine : public Progress {
 public:
  // Installs the signal handlers: every update throws Interrupted, with `interrupt_hint`, once a signal is
  // pending.
  explicit ProgressLine(Verbosity verbosity, std::string interrupt_hint = {});
  ~ProgressLine() override;

  void begin(const std::string& phase, int64_t total) override;
  void update(int64_t done, const std::string& detail) override;
  void end() override;

 private:
  using Clock = std::chrono::steady_clock;
  std::string status(int64_t done, const std::string& detail) const;
  void redraw(const std::string& text);
  void clear();

  Verbosity verbosity_;
  std::string interrupt_hint_;
  bool terminal_;
  bool color_;
  bool drawn_ = false;
  std::string phase_;
  int64_t total_ = 0;
  Clock::time_point start_;
  Clock::time_point last_;
};

}  // namespace fptq::app
