// Questions that ranks ask each other through the watchdog.
#include "collectives/mpi/watchdog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/mpi_main.hpp"

namespace trireme::test {
namespace {

using collectives::DeviceState;
using collectives::RankState;
using collectives::Watchdog;
using testing::IsEmpty;

std::vector<int> others() {
  std::vector<int> ranks;
  for (int rank = 0; rank < world().size(); ++rank) {
    if (rank != world().rank()) ranks.push_back(rank);
  }
  return ranks;
}

// Every rank asks at once, several times, and gets what each of the others says of itself.
TEST(Watchdog, RanksAnswerWhereTheirDevicesAre) {
  Watchdog watchdog(world(), {.answer_seconds = 60, .poll_seconds = 0.01});
  watchdog.beat(100 + world().rank());
  std::vector<int> all;
  for (int rank = 0; rank < world().size(); ++rank) all.push_back(rank);
  const auto group = world().trace().open("tp", all);
  const auto number = static_cast<std::uint64_t>(world().rank());
  const DeviceState state{{10 + number, {{1, number}}, {{0, 7}}}, 2.5, {20 + number, {}, {}}, 0.25};
  group->set_device(state);
  world().control().barrier();
  std::vector<std::future<std::vector<RankState>>> answers;
  for (int time = 0; time < 3; ++time) answers.push_back(watchdog.ask(others()));
  for (auto& answer : answers) {
    const std::vector<RankState> states = answer.get();
    ASSERT_EQ(states.size(), others().size());
    for (std::size_t i = 0; i < states.size(); ++i) {
      const int rank = others()[i];
      EXPECT_TRUE(states[i].answered);
      EXPECT_EQ(states[i].rank, rank);
      EXPECT_EQ(states[i].step, 100 + rank);
      const auto* theirs = collectives::find_group(states[i], collectives::key_of(*group));
      ASSERT_NE(theirs, nullptr);
      ASSERT_TRUE(theirs->device);
      EXPECT_EQ(theirs->device->begun.collectives, 10u + static_cast<std::uint64_t>(rank));
      EXPECT_EQ(theirs->device->begun.sends.at(1), static_cast<std::uint64_t>(rank));
      EXPECT_EQ(theirs->device->begun.receives.at(0), 7u);
      EXPECT_EQ(theirs->device->begun_seconds, 2.5);
      EXPECT_EQ(theirs->device->calling.collectives, 20u + static_cast<std::uint64_t>(rank));
      EXPECT_EQ(theirs->device->calling_seconds, 0.25);
    }
  }
  world().control().barrier();  // a rank that stops answers nobody
}

TEST(Watchdog, ARankThatDoesNotAnswerIsSaidToBeSilent) {
  if (world().size() == 1) return;
  Watchdog watchdog(world(), {.answer_seconds = 0.5, .poll_seconds = 0.01});
  const int last = world().size() - 1;
  if (world().rank() == last) watchdog.stop();
  world().control().barrier();
  if (world().rank() == 0) {
    for (const RankState& state : watchdog.ask(others()).get()) {
      EXPECT_EQ(state.answered, state.rank != last) << state.rank;
      EXPECT_EQ(state.host, world().host());
    }
  }
  world().control().barrier();
}

TEST(Watchdog, OneThatHasStoppedKnowsNothing) {
  Watchdog watchdog(world(), {.answer_seconds = 60, .poll_seconds = 60});
  const std::vector<int> nobody = {world().rank()};
  world().control().barrier();
  watchdog.stop();
  EXPECT_THAT(watchdog.ask(nobody).get(), IsEmpty());
  world().control().barrier();
}

}  // namespace
}  // namespace trireme::test
