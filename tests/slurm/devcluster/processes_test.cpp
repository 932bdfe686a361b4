#include "slurm/devcluster/processes.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace trireme::devcluster {
namespace {

TEST(Processes, AStartedDaemonIsAliveUntilItIsEnded) {
  const ProcessId sleeper = start_daemon({"sleep", "100"}, "/dev/null");
  EXPECT_TRUE(is_alive(sleeper));
  end_processes({sleeper}, 5);
  EXPECT_FALSE(is_alive(sleeper));
  int status = 0;
  ::waitpid(sleeper.pid, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST(Processes, OneThatIgnoresTheFirstSignalIsKilled) {
  const ProcessId stubborn = start_daemon({"sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"}, "/dev/null");
  ::usleep(200000);
  end_processes({stubborn}, 0.3);
  EXPECT_FALSE(is_alive(stubborn));
  int status = 0;
  ::waitpid(stubborn.pid, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST(Processes, AnotherProcessUnderTheSameNumberIsLeftAlone) {
  const ProcessId sleeper = start_daemon({"sleep", "100"}, "/dev/null");
  const ProcessId older = {sleeper.pid, sleeper.started - 1};
  EXPECT_FALSE(is_alive(older));
  end_processes({older}, 0);
  EXPECT_TRUE(is_alive(sleeper));
  end_processes({sleeper}, 1);
  ::waitpid(sleeper.pid, nullptr, 0);
}

TEST(Records, AreReadBackWithoutTornLines) {
  const std::string text = to_line({"munged", {12, 345}}) + to_line({"n1", {13, 346}});
  const auto records = records_from(text + "n2 14 3");
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].role, "n1");
  EXPECT_EQ(records[1].process.pid, 13);
  EXPECT_EQ(records[1].process.started, 346U);
  EXPECT_TRUE(records_from("n2 1 5\nx y z\n\n").empty());
}

}  // namespace
}  // namespace trireme::devcluster
