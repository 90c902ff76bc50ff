// How the program behaves among other programs: signals, pipes, full disks, names that are not UTF-8.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

TEST(Process, SignalsStopTheWorkWithTheirExitCode) {
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    const TempFolder folder;
    const fs::path out = folder / "out";
    // Work for several seconds, so that the signal comes before its end.
    RunningFptq running({"quantize", kTinyModel, out.string(), "--nsamples", "1000", "-v"}, "", {});
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (running.err_so_far().find("elapsed") == std::string::npos &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    running.signal(signal);
    const Outcome run = running.wait();
    EXPECT_EQ(run.code, code) << run.err;
    EXPECT_THAT(run.err, HasSubstr("stopped by SIG"));
    EXPECT_FALSE(fs::exists(out)) << "nothing that looks complete";
  }
}

TEST(Process, AFullDiskUnderTheResultIsAnError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "needs /dev/full";
  const Outcome run = RunningFptq({"inspect", kTinyModel}, "", {}, "/dev/full").wait();
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr("standard output"));
}

TEST(Process, NamesNeedNotBeUtf8AndHomeNeedNotExist) {
  const TempFolder folder;
  const fs::path model = folder / "mod\xe8le";
  fs::copy(kTinyModel, model, fs::copy_options::recursive);
  const Outcome run = run_fptq({"inspect", model.string(), "--json"}, "",
                               {"HOME=", "TMPDIR=/nonexistent", "LC_ALL=tr_TR.UTF-8"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("mod\xef\xbf\xbdle"));
}

TEST(Process, NothingIsDrawnWhereStderrIsNoTerminal) {
  const Outcome run = run_fptq({"eval", kTinyModel, "--text", kHeldOutText, "--max-tokens", "512"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, Not(HasSubstr("\r")));
  EXPECT_THAT(run.err, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace fptq
