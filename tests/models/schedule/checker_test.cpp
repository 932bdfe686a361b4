#include "models/schedule/checker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trireme::schedule {
namespace {

using ::testing::HasSubstr;

std::vector<StageActions> good() { return make_schedules({ScheduleKind::kOneForwardOneBackward, 2, 1, 2}); }

std::string problem(const std::vector<StageActions>& stages) { return check_rendezvous(stages, 1, 2).problem; }

Action exchange(std::vector<Transfer> transfers) { return {ActionKind::kExchange, -1, -1, std::move(transfers)}; }

constexpr Direction kSend = Direction::kSend;
constexpr Direction kReceive = Direction::kReceive;
constexpr Payload kActivation = Payload::kActivation;
constexpr Payload kGradient = Payload::kGradient;

TEST(Checker, AcceptsARightList) { EXPECT_EQ(problem(good()), ""); }

TEST(Checker, FindsALostTransfer) {
  auto stages = good();
  for (Action& action : stages[1]) {
    if (action.kind == ActionKind::kExchange) {
      action.transfers.pop_back();
      break;
    }
  }
  EXPECT_THAT(problem(stages), HasSubstr("lacks a counterpart"));
}

TEST(Checker, FindsDifferentOrdersAtTheTwoEnds) {
  // Both stages are free of deadlock as sets of transfers, but NCCL pairs them by order.
  std::vector<StageActions> stages(2);
  for (int m = 0; m < 2; ++m) stages[0].push_back({ActionKind::kForward, 0, m, {}});
  stages[0].push_back(exchange({{kSend, kActivation, 0, 0, 1}, {kSend, kActivation, 0, 1, 1}}));
  stages[1].push_back(exchange({{kReceive, kActivation, 0, 1, 0}, {kReceive, kActivation, 0, 0, 0}}));
  EXPECT_THAT(problem(stages), HasSubstr("different orders"));
}

TEST(Checker, FindsACircleOfWaiting) {
  // Each stage sends before it receives, one group each: with buffers this would pass.
  std::vector<StageActions> stages(2);
  stages[0] = {{ActionKind::kForward, 0, 0, {}},
               exchange({{kSend, kActivation, 0, 0, 1}}),
               {ActionKind::kForward, 0, 1, {}},
               exchange({{kSend, kActivation, 0, 1, 1}}),
               exchange({{kReceive, kGradient, 1, 0, 1}})};
  stages[1] = {exchange({{kReceive, kActivation, 0, 0, 0}}),
               {ActionKind::kForward, 1, 0, {}},
               {ActionKind::kBackward, 1, 0, {}},
               exchange({{kSend, kGradient, 1, 0, 0}}),
               exchange({{kReceive, kActivation, 0, 1, 0}})};
  EXPECT_THAT(problem(stages), HasSubstr("deadlock: stage 0 at [>A0.1→1], stage 1 at [>G1.0→0]"));
  // The same transfers, each pair in one group: no deadlock (the lists then lack the rest of the step).
  stages[0][3].transfers.push_back({kReceive, kGradient, 1, 0, 1});
  stages[0].pop_back();
  stages[1][3].transfers.push_back({kReceive, kActivation, 0, 1, 0});
  stages[1].pop_back();
  EXPECT_THAT(problem(stages), HasSubstr("only 4 of 8 computes"));
}

TEST(Checker, FindsWrongComputes) {
  auto twice = good();
  twice[0].push_back(twice[0].front());
  EXPECT_THAT(problem(twice), HasSubstr("F0.0 twice"));
  auto missing = good();
  missing[0].pop_back();
  EXPECT_THAT(problem(missing), HasSubstr("only 7 of 8 computes"));
  auto early = good();
  early[0].insert(early[0].begin(), {ActionKind::kBackward, 0, 0, {}});
  EXPECT_THAT(problem(early), HasSubstr("B0.0 before its forward"));
  auto elsewhere = good();
  elsewhere[0].front().chunk = 1;
  EXPECT_THAT(problem(elsewhere), HasSubstr("stage 0 has no F1.0"));
  auto hungry = good();
  std::swap(hungry[1][0], hungry[1][1]);
  EXPECT_THAT(problem(hungry), HasSubstr("lacks the input of F1.0"));
  auto unsent = good();
  std::swap(unsent[0][0], unsent[0][1]);
  EXPECT_THAT(problem(unsent), HasSubstr("sends what it has not computed"));
}

TEST(Checker, CountsLiveActivations) {
  EXPECT_THAT(check_rendezvous(make_schedules({ScheduleKind::kGpipe, 3, 1, 7}), 1, 7).live_activations,
              ::testing::Each(7));
  EXPECT_THAT(check_rendezvous(make_schedules({ScheduleKind::kOneForwardOneBackward, 3, 1, 7}), 1, 7).live_activations,
              ::testing::ElementsAre(3, 2, 1));
}

}  // namespace
}  // namespace trireme::schedule
