#include "collectives/ops/diagnosis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trireme::collectives {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Four ranks on two hosts in group tp; everyone started 17 all-reduces and waits in the last.
std::vector<RankState> four_waiting() {
  std::vector<RankState> states;
  for (int rank = 0; rank < 4; ++rank) {
    GroupState tp{"tp", "tp/1/0", {0, 1, 2, 3}, 17, Operation::kAllReduce, Operation::kAllReduce, 17, -1};
    states.push_back({rank, rank < 2 ? "n1" : "n2", true, "step", 42, {tp}});
  }
  return states;
}

GroupState& group_of(std::vector<RankState>& states, std::size_t rank) { return states[rank].groups.front(); }

void sends_nothing(GroupState& group, std::uint64_t started) {
  group.started = started;
  group.waiting = Operation::kNone;
}

TEST(Diagnosis, NamesTheRankThatNeverCame) {
  auto states = four_waiting();
  sends_nothing(group_of(states, 3), 16);
  const std::string text = diagnose(states, 60, 10).text;
  EXPECT_THAT(text, StartsWith("rank 3 (host n2) has not reached all_reduce #17 of group tp in step 42\n"));
  EXPECT_THAT(text, HasSubstr("in no operation; last all_reduce #16 of group tp"));
}

// Hosts run ahead of their devices, so all of them may have started what one device has not come to.
TEST(Diagnosis, NamesTheRankWhoseDeviceNeverCame) {
  auto states = four_waiting();
  for (std::size_t rank = 0; rank < states.size(); ++rank) {
    GroupState& tp = group_of(states, rank);
    tp.waiting = Operation::kNone;
    tp.device = DeviceState{{rank == 2 ? 15u : 17u, {}, {}}, 70, {}, 0};
  }
  EXPECT_THAT(
      diagnose(states, 60, 10).text,
      StartsWith("the device of rank 2 (host n2) has not come to operation #17 of group tp in step 42, though its "
                 "host has\n"));
}

TEST(Diagnosis, ADevicesStateSurvivesTheAnswer) {
  auto states = four_waiting();
  group_of(states, 0).device = DeviceState{{3, {{1, 4}, {12, 5}}, {{2, 6}}}, 1.5, {7, {}, {}}, 0.5};
  const RankState read = parse_rank_state(serialize(states[0]));
  const std::optional<DeviceState>& device = read.groups.front().device;
  ASSERT_TRUE(device);
  EXPECT_EQ(device->begun, group_of(states, 0).device->begun);
  EXPECT_EQ(device->begun_seconds, 1.5);
  EXPECT_EQ(device->calling, group_of(states, 0).device->calling);
  EXPECT_EQ(device->calling_seconds, 0.5);
  EXPECT_FALSE(parse_rank_state(serialize(states[1])).groups.front().device);
}

TEST(Diagnosis, NamesAllRanksThatNeverCame) {
  auto states = four_waiting();
  sends_nothing(group_of(states, 1), 16);
  sends_nothing(group_of(states, 3), 16);
  EXPECT_THAT(diagnose(states, 60, 10).text,
              StartsWith("ranks 1 (host n1), 3 (host n2) have not reached all_reduce #17 of group tp in step 42\n"));
}

TEST(Diagnosis, NoAnswerIsMissing) {
  auto states = four_waiting();
  states[3] = {3, "n2", false, "", 0, {}};
  EXPECT_THAT(
      diagnose(states, 60, 10).text,
      StartsWith("rank 3 (host n2) has not reached all_reduce #17 of group tp in step 42; no answer in 10 s\n"));
}

TEST(Diagnosis, FollowsAChainToItsRoot) {
  // Rank 0 waits in tp for rank 1, which waits in pp for rank 3, which waits for nobody.
  auto states = four_waiting();
  states[0].groups = {{"tp", "tp/1/0", {0, 1}, 5, Operation::kAllReduce, Operation::kAllReduce, 5, -1}};
  states[1].groups = {{"tp", "tp/1/0", {0, 1}, 4, Operation::kAllReduce, Operation::kNone, 0, -1},
                      {"pp", "pp/2/0", {1, 3}, 0, Operation::kNone, Operation::kExchange, 9, 1}};
  states[2].groups = {};
  states[3].groups = {{"pp", "pp/2/0", {1, 3}, 0, Operation::kNone, Operation::kNone, 0, -1}};
  EXPECT_THAT(diagnose(states, 60, 10).text,
              StartsWith("rank 3 (host n2) has not answered rank 1 in exchange #9 of group pp in step 42\n"));
}

TEST(Diagnosis, NamesDifferentOperations) {
  auto states = four_waiting();
  group_of(states, 2).waiting = group_of(states, 2).last = Operation::kBroadcast;
  EXPECT_THAT(diagnose(states, 60, 10).text,
              StartsWith("ranks of group tp call different operations: rank 0 all_reduce #17, rank 2 broadcast #17"));
}

TEST(Diagnosis, NamesACircle) {
  auto states = four_waiting();
  states.resize(2);
  states[0].groups = {{"pp", "pp/2/0", {0, 1}, 0, Operation::kNone, Operation::kExchange, 3, 1}};
  states[1].groups = {{"pp", "pp/2/0", {0, 1}, 0, Operation::kNone, Operation::kExchange, 4, 0}};
  EXPECT_THAT(diagnose(states, 60, 10).text,
              StartsWith("ranks wait for each other: rank 0 in exchange #3 of group pp, rank 1 in exchange #4 of"));
}

TEST(Diagnosis, DeviceGroupsAreComparedByTheirNumbers) {
  auto states = four_waiting();
  for (std::size_t rank = 0; rank < 4; ++rank) sends_nothing(group_of(states, rank), rank == 2 ? 11 : 12);
  EXPECT_THAT(diagnose(states, 60, 10).text,
              StartsWith("rank 2 (host n2) has not reached all_reduce #12 of group tp in step 42\n"));
}

TEST(Diagnosis, SlowWorkIsNotBlamedOnARank) {
  auto states = four_waiting();
  for (std::size_t rank = 0; rank < 4; ++rank) sends_nothing(group_of(states, rank), 17);
  EXPECT_THAT(diagnose(states, 60, 10).text, StartsWith("nothing finished in 60 s though no rank waits for another"));
}

TEST(Diagnosis, AnswersSurviveTheWire) {
  OperationTrace trace;
  auto group = trace.open("tp", {4, 5});
  const auto number = group->start(Operation::kAllGather);
  group->begin_wait(Operation::kAllGather, number, -1);
  const RankState state = parse_rank_state(serialize(describe(trace, 5, "n1", "step", 3)));
  EXPECT_EQ(state.rank, 5);
  EXPECT_EQ(state.step, 3);
  ASSERT_EQ(state.groups.size(), 1u);
  EXPECT_EQ(state.groups[0].waiting, Operation::kAllGather);
  EXPECT_EQ(state.groups[0].started, 1u);
  EXPECT_THAT(state.groups[0].ranks, testing::ElementsAre(4, 5));
}

TEST(OperationTrace, ForgetsClosedGroupsAndTellsEqualNamesApart) {
  OperationTrace trace;
  auto first = trace.open("tp", {0, 1});
  auto second = trace.open("tp", {0, 1});
  auto other = trace.open("tp", {2, 3});
  EXPECT_EQ(first->instance(), 0);
  EXPECT_EQ(second->instance(), 1);
  EXPECT_EQ(other->instance(), 0);
  first.reset();
  EXPECT_EQ(trace.groups().size(), 2u);
}

}  // namespace
}  // namespace trireme::collectives
