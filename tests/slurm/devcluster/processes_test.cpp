#include "slurm/devcluster/processes.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/support/temporary_directory.hpp"

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

/// It may end between opening and reading its file in /proc, which is then no file to read from any more.
TEST(Processes, OneThatEndsWhileItIsLookedAtIsNotAlive) {
  for (int round = 0; round < 300; ++round) {
    const ProcessId brief = start_daemon({"true"}, "/dev/null");
    std::thread reaper([&] { ::waitpid(brief.pid, nullptr, 0); });
    while (is_alive(brief)) {
    }
    EXPECT_NO_THROW(processes_with("NOBODY_HAS=this"));
    reaper.join();
    EXPECT_FALSE(is_alive(brief));
  }
}

TEST(Processes, OneThatIgnoresTheFirstSignalIsKilled) {
  const tests::TemporaryDirectory directory;
  const auto log = directory.path() / "log";
  ASSERT_EQ(::mkfifo(log.c_str(), 0600), 0);
  const int pipe = ::open(log.c_str(), O_RDWR | O_CLOEXEC);
  const ProcessId stubborn = start_daemon({"sh", "-c", "trap '' TERM; echo; while :; do sleep 0.05; done"}, log);
  char line = 0;
  ASSERT_EQ(::read(pipe, &line, 1), 1);  // it ignores the signal from here on
  ::close(pipe);
  end_processes({stubborn}, 0);
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

TEST(Processes, AreFoundByTheirEnvironment) {
  const std::string mark = "TRIREME_PROCESSES_TEST=" + std::to_string(::getpid());
  const ProcessId sleeper = start_daemon({"sleep", "100"}, "/dev/null", {mark});
  const auto found = processes_with(mark);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].pid, sleeper.pid);
  EXPECT_TRUE(processes_with(mark + "1").empty());
  EXPECT_TRUE(processes_with(mark.substr(0, mark.size() - 1)).empty());
  end_processes(found, 5);
  ::waitpid(sleeper.pid, nullptr, 0);
  EXPECT_TRUE(processes_with(mark).empty());
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
