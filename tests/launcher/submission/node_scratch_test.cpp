#include "launcher/submission/node_scratch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "slurm/queue/command.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

namespace fs = std::filesystem;

slurm::JobEnvironment job(const std::string& id) {
  slurm::JobEnvironment environment;
  environment.job_id = id;
  return environment;
}

TEST(NodeScratch, IsNamedForUserClusterAndJob) {
  const NodeScratch scratch = node_scratch(1000, "big", job("12_3"), "");
  EXPECT_EQ(scratch.session, "/tmp/trireme-1000-big-12_3");
  EXPECT_EQ(scratch.memory, "/dev/shm/trireme-1000-big-12_3");
  EXPECT_EQ(node_scratch(0, "a/../b c", job("7"), "/local").session, "/local/trireme-0-a____b_c-7");
}

class Renewal : public testing::Test {
 protected:
  Renewal()
      : scratch_{(directory_.path() / "it's a" / "job-1").string(), (directory_.path() / "shm" / "job-1").string()} {
    fs::create_directories(directory_.path() / "it's a");
    fs::create_directories(directory_.path() / "shm");
  }
  int renew(int keep) const { return slurm::run_command(renewal(scratch_, keep))->exit_code; }

  tests::TemporaryDirectory directory_;
  NodeScratch scratch_;
};

TEST_F(Renewal, RemovesWhatOtherAttemptsOfThisJobLeftAndNothingElse) {
  const fs::path other_job = directory_.path() / "shm" / "job-12.1";
  fs::create_directories(other_job);
  fs::create_directories(scratch_.session + ".1/ompi.n1.0/pid.7");
  fs::create_directories(scratch_.memory + ".2");
  std::ofstream(scratch_.memory + ".2/vader_segment.n1.0.1") << "x";
  EXPECT_EQ(renew(3), 0);
  EXPECT_FALSE(fs::exists(scratch_.session + ".1"));
  EXPECT_FALSE(fs::exists(scratch_.memory + ".2"));
  struct stat status {};
  ASSERT_EQ(::stat((scratch_.session + ".3").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  EXPECT_TRUE(fs::is_directory(scratch_.memory + ".3"));
  EXPECT_EQ(renew(3), 0);  // nodes may share the directory
  EXPECT_EQ(renew(0), 0);
  EXPECT_FALSE(fs::exists(scratch_.session + ".3"));
  EXPECT_FALSE(fs::exists(scratch_.memory + ".3"));
  EXPECT_TRUE(fs::exists(other_job));
}

TEST_F(Renewal, FailsWhereSomebodyElseHasPutSomething) {
  const fs::path elsewhere = directory_.path() / "elsewhere";
  fs::create_directories(elsewhere);
  fs::create_directory_symlink(elsewhere, scratch_.memory + ".1");
  EXPECT_NE(renew(1), 0);
  std::ofstream(scratch_.session + ".2") << "no directory";
  EXPECT_NE(renew(2), 0);
  EXPECT_TRUE(fs::exists(elsewhere));
}

TEST(OnEachNode, RunsOnceOnEach) {
  EXPECT_THAT(
      on_each_node(5, {"n1", "n3"}, {"rm", "x"}),
      testing::ElementsAre("timeout", "5", "srun", "--overlap", "--mpi=none", "--mem=0", "--nodes=2", "--ntasks=2",
                           "--ntasks-per-node=1", "--cpus-per-task=1", "--nodelist=n1,n3", "rm", "x"));
}

}  // namespace
}  // namespace trireme::launcher
