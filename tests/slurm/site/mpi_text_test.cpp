#include "slurm/site/mpi_text.hpp"

#include <gmock/gmock.h>

#include "tests/slurm/site/samples.hpp"

namespace trireme::slurm {
namespace {

using testing::ElementsAre;

TEST(ParseMpiTypes, ReadsBothForms) {
  EXPECT_THAT(parse_mpi_types(read_sample("21.08", "srun_mpi_list")), ElementsAre("cray_shasta", "pmi2"));
  EXPECT_THAT(parse_mpi_types(read_sample("23.11", "srun_mpi_list")),
              ElementsAre("cray_shasta", "pmix", "pmi2", "pmix_v3", "pmix_v4"));
  EXPECT_THAT(parse_mpi_types("MPI types are...\nmpi/none\nmpi/openmpi\n"), ElementsAre("openmpi"));
  EXPECT_THAT(parse_mpi_types(""), ElementsAre());
}

TEST(ParseMpirunVersion, NamesTheLibrary) {
  EXPECT_EQ(parse_mpirun_version(read_sample("24.05", "mpirun_version")), "Open MPI 5.0.5");
  EXPECT_EQ(
      parse_mpirun_version("Intel(R) MPI Library for Linux* OS, Version 2021.6 Build 20220227 (id: 28)\nCopyright"),
      "Intel MPI 2021.6");
  EXPECT_EQ(parse_mpirun_version("HYDRA build details:\n    Version:          4.0.2\n    CC: gcc\n"), "MPICH 4.0.2");
  EXPECT_EQ(parse_mpirun_version("mpirun 7\n"), "mpirun 7");
}

TEST(ParseSlurmSupport, LooksForTheLauncher) {
  EXPECT_EQ(parse_slurm_support(read_sample("21.08", "ompi_info")), true);
  EXPECT_EQ(parse_slurm_support(read_sample("23.11", "ompi_info")), false);
  EXPECT_EQ(parse_slurm_support(read_sample("24.05", "ompi_info")), std::nullopt);
  EXPECT_EQ(parse_slurm_support(read_sample("24.05", "prte_info")), true);
  EXPECT_EQ(parse_slurm_support("HYDRA\n    Launchers available:   ssh rsh fork slurm ll\n"), true);
  EXPECT_EQ(parse_slurm_support("HYDRA\n    Launchers available:   ssh rsh fork\n"), false);
  EXPECT_EQ(parse_slurm_support("         MCA ras: slurm (MCA v2.1.0)\n"), std::nullopt);
}

}  // namespace
}  // namespace trireme::slurm
