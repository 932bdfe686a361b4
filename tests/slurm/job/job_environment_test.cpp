#include "slurm/job/job_environment.hpp"

#include <gtest/gtest.h>

#include <map>

namespace trireme::slurm {
namespace {

JobEnvironment read(const std::map<std::string, std::string>& variables) {
  return read_job_environment([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  });
}

TEST(JobEnvironment, IsEmptyOutsideAJob) {
  EXPECT_FALSE(read({}).in_job());
  EXPECT_EQ(read({}).restart_count, 0);
}

TEST(JobEnvironment, ReadsIdAndRestartCount) {
  const auto job = read({{"SLURM_JOB_ID", "17"}, {"SLURM_RESTART_COUNT", "3"}, {"SLURM_JOB_NODELIST", "n[1-2]"}});
  EXPECT_EQ(job.job_id, "17");
  EXPECT_EQ(job.restart_count, 3);
  EXPECT_EQ(job.node_list, "n[1-2]");
}

TEST(JobEnvironment, ArrayTasksKeepTheirTaskNumber) {
  const auto job = read({{"SLURM_JOB_ID", "19"}, {"SLURM_ARRAY_JOB_ID", "17"}, {"SLURM_ARRAY_TASK_ID", "2"}});
  EXPECT_EQ(job.job_id, "17_2");
}

}  // namespace
}  // namespace trireme::slurm
