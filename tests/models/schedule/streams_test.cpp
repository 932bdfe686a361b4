#include "models/schedule/streams.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/models/schedule/plans.hpp"

namespace trireme::schedule {
namespace {

using ::testing::HasSubstr;

constexpr Direction kSend = Direction::kSend;
constexpr Direction kReceive = Direction::kReceive;
constexpr Payload kActivation = Payload::kActivation;
constexpr Payload kGradient = Payload::kGradient;

Action exchange(std::vector<Transfer> transfers) { return {ActionKind::kExchange, -1, -1, std::move(transfers)}; }
Action forward(int chunk, int micro_batch) { return {ActionKind::kForward, chunk, micro_batch, {}}; }
Action backward(int chunk, int micro_batch) { return {ActionKind::kBackward, chunk, micro_batch, {}}; }

TEST(Streams, RunEveryScheduleToItsEnd) {
  for (const Plan& plan : all_plans()) {
    const auto stages = make_schedules(plan);
    for (const LaunchOrder order : {LaunchOrder::kStreams, LaunchOrder::kCalls}) {
      ASSERT_EQ(check_streams(stages, Communicators::kOne, order), "") << describe(plan);
      ASSERT_EQ(check_streams(stages, Communicators::kPerLink, order), "") << describe(plan);
    }
  }
}

/// Stage 0 sends a second activation before it receives the gradient of the first; stage 1 the other way round.
std::vector<StageActions> crossed() {
  return {{forward(0, 0), exchange({{kSend, kActivation, 0, 0, 1}}), forward(0, 1),
           exchange({{kSend, kActivation, 0, 1, 1}}), exchange({{kReceive, kGradient, 1, 0, 1}}), backward(0, 0)},
          {exchange({{kReceive, kActivation, 0, 0, 0}}), forward(1, 0), backward(1, 0),
           exchange({{kSend, kGradient, 1, 0, 0}}), exchange({{kReceive, kActivation, 0, 1, 0}}), forward(1, 1)}};
}

TEST(Streams, OneCommunicatorHoldsUpWhatOnePerLinkDoesNot) {
  EXPECT_EQ(check_streams(crossed(), Communicators::kOne, LaunchOrder::kStreams),
            "deadlock: stage 0 at B0.0, stage 0 at [>A0.1→1], stage 1 at F1.1, stage 1 at [>G1.0→0]");
  EXPECT_EQ(check_streams(crossed(), Communicators::kPerLink, LaunchOrder::kStreams), "");
}

/// Each stage first gives its device two sends to the other, then the receives. The second send waits for the first
/// one's end, so for the other stage's receive, and in the order of the calls that waits for the other stage's second
/// send.
std::vector<StageActions> sends_first() {
  return {{forward(0, 0), forward(0, 1), exchange({{kSend, kActivation, 0, 0, 1}}),
           exchange({{kSend, kActivation, 0, 1, 1}}), exchange({{kReceive, kGradient, 1, 0, 1}}),
           exchange({{kReceive, kGradient, 1, 1, 1}})},
          {exchange({{kSend, kGradient, 1, 0, 0}}), exchange({{kSend, kGradient, 1, 1, 0}}),
           exchange({{kReceive, kActivation, 0, 0, 0}}), exchange({{kReceive, kActivation, 0, 1, 0}})}};
}

TEST(Streams, TheOrderOfCallsHoldsUpWhatStreamsDoNot) {
  EXPECT_EQ(check_streams(sends_first(), Communicators::kPerLink, LaunchOrder::kStreams), "");
  EXPECT_THAT(check_streams(sends_first(), Communicators::kPerLink, LaunchOrder::kCalls),
              HasSubstr("deadlock: stage 0 at [>A0.0→1], stage 1 at [>G1.0→0]"));
}

// Stage 1 wants the second activation in the group of the first, and stage 0 computes it only after a gradient.
TEST(Streams, FindAGroupThatWaitsForItsOwnResult) {
  const std::vector<StageActions> stages = {
      {forward(0, 0), exchange({{kSend, kActivation, 0, 0, 1}}), exchange({{kReceive, kGradient, 1, 0, 1}}),
       backward(0, 0), forward(0, 1), exchange({{kSend, kActivation, 0, 1, 1}})},
      {exchange({{kReceive, kActivation, 0, 0, 0}, {kReceive, kActivation, 0, 1, 0}}), forward(1, 0), backward(1, 0),
       exchange({{kSend, kGradient, 1, 0, 0}}), forward(1, 1)}};
  for (const Communicators communicators : {Communicators::kOne, Communicators::kPerLink}) {
    EXPECT_THAT(check_streams(stages, communicators, LaunchOrder::kStreams), HasSubstr("stage 1 at F1.0"));
  }
}

TEST(Streams, FindATransferWithoutCounterpart) {
  auto stages = crossed();
  stages[1].erase(stages[1].begin() + 4);
  EXPECT_THAT(check_streams(stages, Communicators::kPerLink, LaunchOrder::kCalls),
              HasSubstr("without counterpart: [>A0.1→1]"));
}

}  // namespace
}  // namespace trireme::schedule
