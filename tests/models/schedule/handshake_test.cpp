#include "models/schedule/handshake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/models/schedule/plans.hpp"

namespace trireme::schedule {
namespace {

using ::testing::HasSubstr;

constexpr auto kOne = Communicators::kOne;

/// One group with `peers`, to and from each.
Action symmetric_exchange(int stage, const std::set<int>& peers) {
  Action exchange{ActionKind::kExchange, -1, -1, {}};
  for (const int peer : peers) {
    exchange.transfers.push_back({Direction::kSend, Payload::kActivation, stage, 0, peer});
    exchange.transfers.push_back({Direction::kReceive, Payload::kActivation, peer, 0, peer});
  }
  return exchange;
}

/// What all stages do right after their communicator is made: an exchange with both neighbours in the ring of stages.
std::vector<StageActions> ring_exchange(int stages) {
  std::vector<StageActions> lists(stages);
  for (int stage = 0; stage < stages; ++stage) {
    lists[stage] = {symmetric_exchange(stage, {(stage + 1) % stages, (stage + stages - 1) % stages})};
  }
  return lists;
}

/// The same without the link between the last stage and the first.
std::vector<StageActions> line_exchange(int stages) {
  std::vector<StageActions> lists(stages);
  for (int stage = 0; stage < stages; ++stage) {
    std::set<int> peers;
    if (stage > 0) peers.insert(stage - 1);
    if (stage + 1 < stages) peers.insert(stage + 1);
    lists[stage] = {symmetric_exchange(stage, peers)};
  }
  return lists;
}

/// What pipeline::relay() does in an evaluation or for a generated token.
std::vector<StageActions> relay(int stages, int chunks) {
  std::vector<StageActions> lists(stages);
  for (int stage = 0; stage < stages; ++stage) {
    for (int chunk = stage; chunk < stages * chunks; chunk += stages) {
      const auto transfer = [&](Direction direction, int produced_by, int peer) {
        lists[stage].push_back(
            {ActionKind::kExchange, -1, -1, {{direction, Payload::kActivation, produced_by, 0, peer}}});
      };
      if (chunk > 0) transfer(Direction::kReceive, chunk - 1, (chunk - 1) % stages);
      lists[stage].push_back({ActionKind::kForward, chunk, 0, {}});
      if (chunk + 1 < stages * chunks) transfer(Direction::kSend, chunk, (chunk + 1) % stages);
    }
  }
  return lists;
}

std::vector<StageActions> joined(std::vector<StageActions> first, const std::vector<StageActions>& second) {
  for (std::size_t stage = 0; stage < first.size(); ++stage) {
    first[stage].insert(first[stage].end(), second[stage].begin(), second[stage].end());
  }
  return first;
}

TEST(Handshakes, FailExactlyWithOneMicroBatchWhenNothingIsConnected) {
  int failing = 0, all = 0;
  for (const Plan& plan : all_plans()) {
    if (plan.stages == 1) continue;
    ++all;
    const std::string problem = check_handshakes(make_schedules(plan), kOne);
    EXPECT_EQ(problem.empty(), plan.micro_batches > 1) << describe(plan) << ": " << problem;
    if (problem.empty()) continue;
    ++failing;
    EXPECT_THAT(problem, HasSubstr(plan.stages == 2 ? "new connections with stage" : "deadlock while connecting"));
  }
  EXPECT_GT(all, 900);
  EXPECT_EQ(failing, 35);
}

TEST(Handshakes, SayWhatGoesWrong) {
  const auto problem = [](int stages) {
    return check_handshakes(make_schedules({ScheduleKind::kOneForwardOneBackward, stages, 1, 1}), kOne);
  };
  EXPECT_EQ(problem(2), "stage 1 expects 1 new connections with stage 0 at [<A0.0←0] and hears of 2");
  EXPECT_THAT(problem(3), HasSubstr("stage 0 at [>A0.0→1 <G1.0←1] for stage 1"));
}

TEST(Handshakes, SucceedForEveryScheduleAfterAnExchangeWithBothNeighbours) {
  for (const Plan& plan : all_plans()) {
    if (plan.stages == 1) continue;
    const auto lists = make_schedules(plan);
    ASSERT_EQ(check_handshakes(joined(ring_exchange(plan.stages), lists), kOne), "") << describe(plan);
    // The link from the last stage to the first may be connected later.
    ASSERT_EQ(check_handshakes(joined(line_exchange(plan.stages), lists), kOne), "") << describe(plan);
  }
}

TEST(Handshakes, OfTheExchangeWithBothNeighboursSucceed) {
  for (int stages = 2; stages <= 8; ++stages) {
    EXPECT_EQ(check_handshakes(ring_exchange(stages), kOne), "") << stages << " stages";
    EXPECT_EQ(check_handshakes(line_exchange(stages), kOne), "") << stages << " stages";
  }
}

TEST(Handshakes, OfEvaluationAndGenerationSucceedBeforeAndAfterTheExchange) {
  for (int stages = 2; stages <= 8; ++stages) {
    for (int chunks = 1; chunks <= 4; ++chunks) {
      const auto relayed = relay(stages, chunks);
      EXPECT_EQ(check_handshakes(relayed, kOne), "") << stages << " stages, " << chunks << " chunks";
      EXPECT_EQ(check_handshakes(joined(ring_exchange(stages), relayed), kOne), "")
          << stages << " stages, " << chunks << " chunks";
    }
  }
}

// An evaluation connects one direction of each link; two stages with several chunks use both.
TEST(Handshakes, OfTrainingMayFailEvenAfterAnEvaluation) {
  for (const Plan& plan : all_plans()) {
    if (plan.stages == 1) continue;
    const std::string problem = check_handshakes(joined(relay(plan.stages, plan.chunks), make_schedules(plan)), kOne);
    EXPECT_EQ(problem.empty(), plan.micro_batches > 1 || plan.chunks == 1 || plan.stages == 2)
        << describe(plan) << ": " << problem;
  }
}

// Receives are called before sends, and the host would wait in the first call: so pipeline::StageLinks connects each
// link, both ways at once, before it is used.
TEST(Handshakes, OfLinksThatAreNotConnectedBeforeMayDeadlock) {
  const Plan plan{ScheduleKind::kOneForwardOneBackward, 3, 1, 1};
  EXPECT_THAT(check_handshakes(make_schedules(plan), Communicators::kPerLink), HasSubstr("deadlock while connecting"));
}

}  // namespace
}  // namespace trireme::schedule
