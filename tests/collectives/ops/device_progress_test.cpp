#include "collectives/ops/device_progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trireme::collectives {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

DeviceState begun(DeviceProgress progress, double seconds) { return {std::move(progress), seconds, {}, 0}; }

TEST(DeviceProgress, TakesTheLargerNumberOfEachKind) {
  DeviceProgress progress{3, {{1, 2}}, {}};
  progress.reach({2, {{1, 1}, {2, 5}}, {{0, 1}}});
  EXPECT_EQ(progress.collectives, 3u);
  EXPECT_EQ(progress.sends, (std::map<int, std::uint64_t>{{1, 2}, {2, 5}}));
  EXPECT_EQ(progress.receives, (std::map<int, std::uint64_t>{{0, 1}}));
}

TEST(DeviceProgress, ACollectiveAwaitsAllAndAnExchangeItsPeers) {
  EXPECT_THAT(awaited({4, {}, {}}, 1, 3), ElementsAre(0, 2));
  EXPECT_THAT(awaited({0, {{2, 1}}, {{5, 1}}}, 1, 8), ElementsAre(2, 5));
  EXPECT_THAT(awaited({1, {}, {}}, 0, 1), IsEmpty());
}

TEST(Lateness, OfACollectiveIsWhoseDeviceHasNotComeToIt) {
  const DeviceState in = begun({4, {}, {}}, 30), later = begun({9, {}, {}}, 2), before = begun({3, {}, {}}, 50);
  const Lateness all = judge({4, {}, {}}, 0, {{1, true, &in}, {2, true, &later}});
  EXPECT_THAT(all.late, IsEmpty());
  EXPECT_THAT(all.silent, IsEmpty());
  EXPECT_EQ(all.seconds, 2) << "the last one counts";
  const Lateness some =
      judge({4, {}, {}}, 0, {{1, true, &in}, {2, true, &before}, {3, true, nullptr}, {5, false, nullptr}});
  EXPECT_THAT(some.late, ElementsAre(2, 3));
  EXPECT_THAT(some.silent, ElementsAre(5));
}

TEST(Lateness, OfATransferIsCountedByTheOtherSide) {
  // Rank 0 has sent twice to rank 1 and received once from rank 2.
  const DeviceProgress until{0, {{1, 2}}, {{2, 1}}};
  const DeviceState one = begun({0, {}, {{0, 1}}}, 5), two = begun({0, {}, {{0, 2}}}, 5);
  const DeviceState sender = begun({0, {{0, 1}}, {}}, 7), other = begun({0, {{1, 8}}, {{0, 8}}}, 7);
  EXPECT_THAT(judge(until, 0, {{1, true, &one}, {2, true, &sender}}).late, ElementsAre(1));
  EXPECT_THAT(judge(until, 0, {{1, true, &two}, {2, true, &other}}).late, ElementsAre(2)) << "it sent to another";
  EXPECT_EQ(judge(until, 0, {{1, true, &two}, {2, true, &sender}}).seconds, 5);
}

// The first operation between two ranks connects them, inside the call.
TEST(Lateness, APeerWhoseHostIsInTheCallHasCome) {
  const DeviceState calling{{3, {}, {}}, 50, {4, {}, {}}, 12};
  const Lateness in = judge({4, {}, {}}, 0, {{1, true, &calling}});
  EXPECT_THAT(in.late, IsEmpty());
  EXPECT_EQ(in.seconds, 12);
}

}  // namespace
}  // namespace trireme::collectives
