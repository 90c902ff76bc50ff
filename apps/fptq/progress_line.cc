#include "progress_line.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "console.h"
#include "signals.h"

namespace fptq::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
constexpr milliseconds kRedrawEvery{100};
constexpr seconds kLineEvery{10};
constexpr int64_t kBarCells = 20;

bool set_and_not_empty(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool is_dumb() {
  const char* term = std::getenv("TERM");
  return term == nullptr || std::strcmp(term, "dumb") == 0;
}

int64_t terminal_width() {
  winsize size = {};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

// "0:07", "12:30", "1:02:03"
std::string clock_text(double elapsed) {
  const int64_t whole = static_cast<int64_t>(elapsed + 0.5);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

int64_t resident_megabytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE) / 1'000'000;
}

std::string bar(int64_t done, int64_t total) {
  const int64_t full = std::clamp<int64_t>(done * kBarCells / total, 0, kBarCells);
  return fmt::format("[{:#<{}}{:.<{}}] ", "", full, "", kBarCells - full);
}

}  // namespace

ProgressLine::ProgressLine(Verbosity verbosity, std::string interrupt_hint)
    : verbosity_(verbosity),
      interrupt_hint_(std::move(interrupt_hint)),
      terminal_(isatty(STDERR_FILENO) == 1 && !is_dumb()),
      color_(terminal_ && !set_and_not_empty("NO_COLOR")) {
  install_signal_handlers();
}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::begin(const std::string& phase, int64_t total) {
  throw_if_interrupted(interrupt_hint_);
  phase_ = phase;
  total_ = total;
  start_ = Clock::now();
  last_ = terminal_ ? start_ - kRedrawEvery : start_;
}

void ProgressLine::update(int64_t done, const std::string& detail) {
  throw_if_interrupted(interrupt_hint_);
  if (verbosity_ == Verbosity::kQuiet) return;
  const Clock::time_point now = Clock::now();
  const bool due = now - last_ >= (terminal_ ? kRedrawEvery : milliseconds(kLineEvery));
  if (!due && verbosity_ != Verbosity::kVerbose) return;
  last_ = now;
  const std::string text = one_line(status(done, detail));
  if (terminal_ && verbosity_ != Verbosity::kVerbose) {
    redraw((total_ > 0 ? bar(done, total_) : "") + text);
  } else {
    log(text);
  }
}

void ProgressLine::end() {
  clear();
  if (verbosity_ != Verbosity::kVerbose) return;
  log(fmt::format("{}: done in {}", phase_,
                  clock_text(std::chrono::duration<double>(Clock::now() - start_).count())));
}

std::string ProgressLine::status(int64_t done, const std::string& detail) const {
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  std::string text = phase_;
  if (total_ > 0) text += fmt::format(" {}%", done * 100 / total_);
  if (!detail.empty()) text += ", " + detail;
  text += fmt::format(", {} elapsed", clock_text(elapsed));
  if (done > 0 && done < total_) {
    const double left = elapsed * static_cast<double>(total_ - done) / static_cast<double>(done);
    text += fmt::format(", {} left", clock_text(left));
  }
  return text + fmt::format(", {} MB", resident_megabytes());
}

void ProgressLine::redraw(const std::string& text) {
  // One column stays free: a full line would wrap on some terminals and could not be drawn over.
  const std::string shown = text.substr(0, static_cast<size_t>(terminal_width() - 1));
  const std::string line = color_ ? "\r\x1b[36m" + shown + "\x1b[0m\x1b[K" : "\r" + shown + "\x1b[K";
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressLine::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace fptq::app
