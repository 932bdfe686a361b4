#include "launcher/record/surroundings.hpp"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

TEST(RecordedVariables, ASecretNeverGetsIn) {
  const std::vector<std::string> environment = {"OMP_NUM_THREADS=4",
                                                "WANDB_API_KEY=s3cret",
                                                "NCCL_ALGO=Ring",
                                                "HOME=/home/a",
                                                "AWS_SECRET_ACCESS_KEY=s3cret",
                                                "OMPI_MCA_orte_precondition_transports=s3cret",
                                                "NCCL_AUTH_TOKEN=s3cret",
                                                "OMP_PASSWORD=s3cret",
                                                "UCX_API_KEY=s3cret",
                                                "MKL_CBWR=AVX2",
                                                "PATH=/bin",
                                                "SLURM_JOB_ID=12",
                                                "SLURM_JWT=s3cret",
                                                "LD_PRELOAD=s3cret",
                                                "OMPI_MCA_btl=self,vader",
                                                "OMP_\xff=s3cret",
                                                "no variable",
                                                "OMP_LONG=" + std::string(2000, 'x')};
  const Variables expected = {{"MKL_CBWR", "AVX2"},
                              {"NCCL_ALGO", "Ring"},
                              {"OMPI_MCA_btl", "self,vader"},
                              {"OMP_NUM_THREADS", "4"},
                              {"SLURM_JOB_ID", "12"}};
  EXPECT_EQ(recorded_variables(environment), expected);
}

TEST(RecordedVariables, ARecordOfSomebodyElseSetsOnlyPlainChoices) {
  EXPECT_TRUE(may_be_set("MKL_CBWR", "AVX2"));
  EXPECT_TRUE(may_be_set("CUBLAS_WORKSPACE_CONFIG", ":4096:8"));
  EXPECT_FALSE(may_be_set("MKL_CBWR", "$(rm -r x)"));
  EXPECT_FALSE(may_be_set("MKL_CBWR", ""));
  for (const char* name : {"OMP_TOOL_LIBRARIES", "LD_PRELOAD", "OMPI_MCA_btl", "DNNL_JIT_DUMP", "PATH"}) {
    EXPECT_FALSE(may_be_set(name, "1")) << name;
  }
}

TEST(Cpu, TheFirstProcessorSpeaksForAll) {
  const CpuKind kind = parse_cpu(
      "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu avx avx2 fma avx512f hypervisor\n\n"
      "processor\t: 1\nmodel name\t: Another\nflags\t\t: fpu\n");
  EXPECT_EQ(kind, (CpuKind{"Some CPU @ 2 GHz", "avx avx2 fma avx512f"}));
  EXPECT_EQ(parse_cpu("Features\t: fp asimd sve\n"), (CpuKind{"", "asimd sve"}));
  EXPECT_EQ(parse_cpu(""), CpuKind{});
}

}  // namespace
}  // namespace trireme::launcher
