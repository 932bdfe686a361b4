#include "slurm/job/stop_signal.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace trireme::slurm {
namespace {

TEST(StopSignals, RemembersTheFirstOfEachKindAndNothingElse) {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    const StopSignals signals;
    EXPECT_EQ(signals.received(), 0);
    std::raise(signal);
    std::raise(SIGUSR1);
    EXPECT_EQ(signals.received(), signal);
  }
}

TEST(StopSignals, GivesBackTheHandlersItFound) {
  std::signal(SIGUSR1, SIG_IGN);
  { const StopSignals signals; }
  EXPECT_EQ(std::signal(SIGUSR1, SIG_DFL), SIG_IGN);
}

}  // namespace
}  // namespace trireme::slurm
