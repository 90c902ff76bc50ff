#include "signals.h"

#include <unistd.h>

#include <csignal>

namespace fptq::app {
namespace {

volatile std::sig_atomic_t pending = 0;

// Runs between any two instructions: only async-signal-safe calls here.
extern "C" void on_signal(int signal) {
  if (pending != 0) _exit(128 + signal);
  pending = signal;
  constexpr char kMessage[] = "\nfptq: stopping at the next safe point; once more stops at once\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction inherited = {};
    sigaction(signal, nullptr, &inherited);
    // nohup and shells' background jobs ask that a signal be ignored
    if (inherited.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }
}

int pending_signal() {
  return pending;
}

void throw_if_interrupted(const std::string& hint) {
  if (pending != 0) throw Interrupted{pending, hint};
}

}  // namespace fptq::app
