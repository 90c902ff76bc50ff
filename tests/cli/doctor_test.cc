// fptq doctor: what it says of the machine holds against what the system says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Doctor, TellsTheMachineAndTheKernels) {
  const Outcome run = run_fptq({"doctor", "--quick", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = parse_json(run.out, "doctor");
  EXPECT_EQ(json["schema"], "fptq.doctor.v1");
  EXPECT_EQ(json["machine"]["cores"], sysconf(_SC_NPROCESSORS_ONLN));
  EXPECT_EQ(json["machine"]["memory_bytes"], sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
  EXPECT_EQ(json["machine"]["isa"], json["machine"]["supported_isas"].back());
  EXPECT_EQ(json["kernels"].size(), 6u);
  EXPECT_TRUE(json["timing"]["limits"].empty()) << "--quick";
  EXPECT_LE(json["timing"]["available_memory_bytes"], json["machine"]["memory_bytes"]);
}

TEST(Doctor, HonoursTheChosenInstructionSet) {
  const Outcome run = run_fptq({"doctor", "--quick", "--json"}, {}, {"FPTQ_ISA=portable"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = parse_json(run.out, "doctor");
  EXPECT_EQ(json["machine"]["isa"], "portable");
  for (const Json& kernel : json["kernels"]) EXPECT_THAT(kernel["isa"], testing::AnyOf("portable", "oneDNN"));
  EXPECT_EQ(run_fptq({"doctor", "--quick"}, {}, {"FPTQ_ISA=sse"}).code, 2);
}

TEST(Doctor, MeasuresTheLimits) {
  const Outcome run = run_fptq({"doctor", "--threads", "1", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json limits = parse_json(run.out, "doctor")["timing"]["limits"];
  ASSERT_EQ(limits.size(), 1u);
  EXPECT_EQ(limits[0]["threads"], 1);
  EXPECT_GT(limits[0]["dram_read_gb_per_s"].get<double>(), 0.1);
  EXPECT_GT(limits[0]["fp32_gflops"].get<double>(), 0.1);
}

TEST(Doctor, TextHasALineForEachFact) {
  const Outcome run = run_fptq({"doctor", "--quick"});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* row :
       {"cpu ", "cores ", "caches ", "memory ", "instruction set ", "int_gemm ", "attention "}) {
    EXPECT_THAT(run.out, HasSubstr(row));
  }
  EXPECT_THAT(run.out, Not(HasSubstr("DRAM")));
}

TEST(Doctor, ListsAreChecked) {
  for (const char* list : {"", "0", "1,", "1,,2", "1,x", "1;2", "1,1025"}) {
    const Outcome run = run_fptq({"doctor", "--threads", list});
    EXPECT_EQ(run.code, 2) << list;
    EXPECT_THAT(run.err, HasSubstr("--threads: expected whole numbers from 1 to 1024")) << list;
  }
}

}  // namespace
}  // namespace fptq
