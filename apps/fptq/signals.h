// SIGINT, SIGTERM and SIGHUP in commands that run long: the first asks the work to stop at its next safe
// point, the second ends the process at once. Other commands leave the default, which ends them at once.
#pragma once

#include <string>

namespace fptq::app {

// Thrown by throw_if_interrupted(). Not a std::exception, so that nobody takes it for a failure on its way to
// main().
struct Interrupted {
  int signal = 0;
  std::string hint;  // what the user can do now
};

void install_signal_handlers();
// The signal that asked to stop, or 0.
int pending_signal();
void throw_if_interrupted(const std::string& hint = {});

}  // namespace fptq::app
