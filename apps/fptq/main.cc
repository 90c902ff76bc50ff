// The one place where exceptions end and exit codes are made.
#include <malloc.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <new>

#include "command.h"
#include "console.h"
#include "fptq/error.h"
#include "signals.h"

namespace {

int fail(int code, std::string_view message) {
  fptq::app::log(std::string("fptq: ").append(message));
  return code;
}

int interrupted(const fptq::app::Interrupted& by) {
  const char* name = by.signal == SIGINT ? "SIGINT" : by.signal == SIGTERM ? "SIGTERM" : "SIGHUP";
  return fail(128 + by.signal, std::string("stopped by ") + name + (by.hint.empty() ? "" : "; " + by.hint));
}

}  // namespace

int main(int argc, char** argv) {
  // Large buffers go back to the system when they are freed. By default glibc raises this limit after the
  // first one, and the heap of a run over many layers then grows with every layer.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  try {
    std::signal(SIGPIPE, SIG_DFL);  // `fptq ... | head` ends quietly, whatever the parent left set
    const int code = fptq::app::dispatch({argv + std::min(argc, 1), argv + argc});
    fptq::app::flush_results();
    return code;
  } catch (const fptq::Error& e) {
    return fail(static_cast<int>(e.kind()), e.what());
  } catch (const fptq::app::Interrupted& by) {
    return interrupted(by);
  } catch (const std::bad_alloc&) {
    return fail(1, "out of memory");
  } catch (const std::exception& e) {
    return fail(1, e.what());
  }
}
