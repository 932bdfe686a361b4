#include "launcher/attempt/stop_requests.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/one_rank_communicator.hpp"

namespace trireme::launcher {
namespace {

class StopRequestsTest : public testing::Test {
 protected:
  void receive(int signal) {
    ::kill(::getpid(), signal);
    while (signals_.received() == 0) ::sched_yield();
  }
  void request() {
    files_.create_directories("/run/control");
    slurm::leave_request(files_, "/run", slurm::Wish::kStop, "alice", 0);
  }
  void let_time_run_out() { watched_.watch_time({base::wall_time(), 0.0, 0.0}, nullptr); }
  /// What an agreed vote says.
  std::string agreed() { return stops_.reason(stops_.agree()); }

  base::SignalThread signals_;
  tests::MemoryFileSystem files_;
  tests::OneRankCommunicator others_;
  Watched watched_{files_, "/run", true};
  StopRequests stops_{others_, signals_, watched_};
};

TEST_F(StopRequestsTest, NothingStopsARunThatNobodyStops) {
  EXPECT_EQ(stops_.vote(), 0);
  EXPECT_EQ(stops_.agree(), 0);
  EXPECT_NO_THROW(stops_.check("early"));
  EXPECT_TRUE(stops_.come_back());
}

TEST_F(StopRequestsTest, ASignalIsNamed) {
  receive(SIGUSR1);
  EXPECT_EQ(agreed(), "stopped by SIGUSR1");
  EXPECT_TRUE(stops_.come_back());
}

TEST_F(StopRequestsTest, AnotherRanksSignalCounts) {
  others_.others = SIGTERM;
  EXPECT_EQ(stops_.vote(), 0);
  EXPECT_EQ(agreed(), "stopped by SIGTERM");
}

TEST_F(StopRequestsTest, TheTimeLimitCounts) {
  let_time_run_out();
  EXPECT_EQ(agreed(), "stopped before the time limit");
  EXPECT_TRUE(stops_.come_back());
}

TEST_F(StopRequestsTest, ASignalHereSaysMoreThanTheTimeLimit) {
  let_time_run_out();
  receive(SIGTERM);
  EXPECT_EQ(agreed(), "stopped by SIGTERM");
}

TEST_F(StopRequestsTest, ARequestWinsOverAllOthersAndTheRunStaysStopped) {
  request();
  let_time_run_out();
  receive(SIGTERM);
  others_.others = SIGINT;
  EXPECT_EQ(agreed(), "stopped by alice's request");
  EXPECT_FALSE(stops_.come_back());
}

TEST_F(StopRequestsTest, ARankThatDoesNotLookLearnsOfTheRequestFromTheVote) {
  request();
  Watched blind(files_, "/run", false);
  StopRequests stops(others_, signals_, blind);
  EXPECT_EQ(stops.vote(), 0);
  others_.others = stops_.vote();
  EXPECT_EQ(stops.reason(stops.agree()), "stopped by request");
}

TEST_F(StopRequestsTest, AStopDuringTheStartSaysWhen) {
  EXPECT_NO_THROW(stops_.check("before the model was built"));
  receive(SIGINT);
  try {
    stops_.check("before the model was built");
    FAIL();
  } catch (const base::Stopped& stop) {
    EXPECT_STREQ(stop.what(), "stopped by SIGINT, before the model was built");
  }
}

}  // namespace
}  // namespace trireme::launcher
