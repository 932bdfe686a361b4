#include "models/schedule/schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "base/error.hpp"
#include "models/schedule/checker.hpp"
#include "models/schedule/compute_order.hpp"
#include "tests/models/schedule/plans.hpp"

namespace trireme::schedule {
namespace {

TEST(Schedules, AreFreeOfDeadlockAndCompleteForEveryAdmissiblePlan) {
  const std::vector<Plan> plans = all_plans();
  EXPECT_GT(plans.size(), 1000U);
  for (const Plan& plan : plans) {
    const CheckResult result = check_rendezvous(make_schedules(plan), plan.chunks, plan.micro_batches);
    ASSERT_EQ(result.problem, "") << describe(plan);
  }
}

TEST(Schedules, HoldNoMoreActivationsThanTheirPapersSay) {
  for (const Plan& plan : all_plans()) {
    const CheckResult result = check_rendezvous(make_schedules(plan), plan.chunks, plan.micro_batches);
    for (int stage = 0; stage < plan.stages; ++stage) {
      const int total = plan.micro_batches * plan.chunks;
      int most = total;
      if (plan.kind != ScheduleKind::kGpipe) {
        const int behind = plan.stages - 1 - stage;
        most = std::min(total, plan.chunks == 1 ? behind + 1 : 2 * behind + (plan.chunks - 1) * plan.stages + 1);
      }
      EXPECT_EQ(result.live_activations[stage], most) << describe(plan) << " stage " << stage;
    }
  }
}

TEST(Schedules, ExchangeOnlyWithNeighboursAndNeverTwiceInARow) {
  for (const Plan& plan : all_plans()) {
    const auto stages = make_schedules(plan);
    for (int stage = 0; stage < plan.stages; ++stage) {
      bool after_exchange = false;
      for (const Action& action : stages[stage]) {
        const bool exchange = action.kind == ActionKind::kExchange;
        ASSERT_FALSE(exchange && after_exchange) << describe(plan);
        ASSERT_EQ(exchange, !action.transfers.empty());
        after_exchange = exchange;
        for (const Transfer& transfer : action.transfers) {
          const int distance = (transfer.peer - stage + plan.stages) % plan.stages;
          ASSERT_TRUE(distance == 1 || distance == plan.stages - 1);
        }
      }
      ASSERT_FALSE(plan.stages == 1 && after_exchange);
    }
  }
}

TEST(Schedules, OfOneStageAreOneOfAll) {
  const Plan plan{ScheduleKind::kInterleaved, 4, 2, 8};
  for (int stage = 0; stage < 4; ++stage) EXPECT_EQ(make_schedule(plan, stage), make_schedules(plan)[stage]);
}

TEST(Schedules, AreThePapersOrders) {
  const auto text = [](const Plan& plan, int stage) {
    std::string joined;
    for (const Action& action : compute_order(plan, stage)) joined += to_string(action) + " ";
    return joined;
  };
  const ScheduleKind one = ScheduleKind::kOneForwardOneBackward;
  EXPECT_EQ(text({one, 3, 1, 4}, 0), "F0.0 F0.1 F0.2 B0.0 F0.3 B0.1 B0.2 B0.3 ");
  EXPECT_EQ(text({one, 3, 1, 4}, 2), "F2.0 B2.0 F2.1 B2.1 F2.2 B2.2 F2.3 B2.3 ");
  EXPECT_EQ(text({ScheduleKind::kGpipe, 2, 2, 2}, 1), "F1.0 F1.1 F3.0 F3.1 B3.0 B3.1 B1.0 B1.1 ");
  EXPECT_EQ(text({ScheduleKind::kInterleaved, 2, 2, 2}, 1), "F1.0 F1.1 F3.0 B3.0 F3.1 B3.1 B1.0 B1.1 ");
  std::string list;
  for (const Action& action : make_schedule({one, 2, 1, 2}, 0)) list += to_string(action) + " ";
  EXPECT_EQ(list, "F0.0 [>A0.0→1] F0.1 [>A0.1→1 <G1.0←1] B0.0 [<G1.1←1] B0.1 ");
}

using Work = std::tuple<ActionKind, int, int>;

// Time of a step when transfers cost nothing and nobody ever waits but for an input.
long ideal_time(const Plan& plan, long forward, long backward) {
  std::vector<std::vector<Action>> orders;
  for (int stage = 0; stage < plan.stages; ++stage) orders.push_back(compute_order(plan, stage));
  std::vector<std::size_t> next(plan.stages, 0);
  std::vector<long> clock(plan.stages, 0);
  std::map<Work, long> done;
  for (bool moved = true; moved;) {
    moved = false;
    for (int stage = 0; stage < plan.stages; ++stage) {
      while (next[stage] < orders[stage].size()) {
        const auto [kind, chunk, micro_batch, transfers] = orders[stage][next[stage]];
        const bool is_forward = kind == ActionKind::kForward;
        const int source = is_forward ? chunk - 1 : chunk + 1;
        long start = clock[stage];
        if (source >= 0 && source < plan.stages * plan.chunks) {
          const auto found = done.find({kind, source, micro_batch});
          if (found == done.end()) break;
          start = std::max(start, found->second);
        }
        clock[stage] = start + (is_forward ? forward : backward);
        done[{kind, chunk, micro_batch}] = clock[stage];
        ++next[stage];
        moved = true;
      }
    }
  }
  return *std::max_element(clock.begin(), clock.end());
}

// The same with the lists' groups: started when the stage gets there and the group before is complete, complete when
// every counterpart is started; a compute waits only for the group with its input. Transfers cost no time.
class Playback {
 public:
  Playback(const Plan& plan, long forward, long backward)
      : lists_(make_schedules(plan)), forward_(forward), backward_(backward) {
    for (std::size_t stage = 0; stage < lists_.size(); ++stage) {
      groups_.emplace_back();
      for (const Action& action : lists_[stage]) {
        if (action.kind != ActionKind::kExchange) continue;
        for (const Transfer& transfer : action.transfers) {
          group_of_[{static_cast<int>(stage), transfer.direction, transfer.payload, transfer.chunk,
                     transfer.micro_batch}] = groups_.back().size();
        }
        groups_.back().push_back({action.transfers});
      }
    }
  }

  long time() {
    std::vector<std::size_t> next(lists_.size(), 0), issued(lists_.size(), 0);
    std::vector<long> clock(lists_.size(), 0);
    for (bool moved = true; moved;) {
      moved = false;
      for (int stage = 0; stage < static_cast<int>(lists_.size()); ++stage) {
        while (next[stage] < lists_[stage].size()) {
          const Action& action = lists_[stage][next[stage]];
          if (action.kind == ActionKind::kExchange) {
            groups_[stage][issued[stage]++].issued = clock[stage];
          } else {
            const long input = input_time(stage, action);
            if (input == kNever) break;
            clock[stage] = std::max(clock[stage], input) + (action.kind == ActionKind::kForward ? forward_ : backward_);
          }
          ++next[stage];
          moved = true;
        }
        moved |= advance_groups(stage);
      }
    }
    for (std::size_t stage = 0; stage < lists_.size(); ++stage) {
      if (next[stage] < lists_[stage].size()) return kNever;
    }
    return *std::max_element(clock.begin(), clock.end());
  }

 private:
  static constexpr long kNever = std::numeric_limits<long>::max();
  struct Group {
    std::vector<Transfer> transfers;
    long issued = kNever, started = kNever, complete = kNever;
  };

  long input_time(int stage, const Action& action) const {
    const bool is_forward = action.kind == ActionKind::kForward;
    const auto found =
        group_of_.find({stage, Direction::kReceive, is_forward ? Payload::kActivation : Payload::kGradient,
                        action.chunk + (is_forward ? -1 : 1), action.micro_batch});
    return found == group_of_.end() ? 0 : groups_[stage][found->second].complete;
  }

  bool advance_groups(int stage) {
    bool moved = false;
    long before = 0;
    for (Group& group : groups_[stage]) {
      if (group.issued == kNever || before == kNever) break;
      if (group.started == kNever) {
        group.started = std::max(group.issued, before);
        moved = true;
      }
      if (group.complete == kNever) {
        long met = group.started;
        for (const Transfer& transfer : group.transfers) {
          const Direction other = transfer.direction == Direction::kSend ? Direction::kReceive : Direction::kSend;
          const auto& peer =
              groups_[transfer.peer]
                     [group_of_.at({transfer.peer, other, transfer.payload, transfer.chunk, transfer.micro_batch})];
          met = std::max(met, peer.started);
        }
        group.complete = met;
        moved |= met != kNever;
      }
      before = group.complete;
    }
    return moved;
  }

  std::vector<StageActions> lists_;
  long forward_, backward_;
  std::vector<std::vector<Group>> groups_;
  std::map<std::tuple<int, Direction, Payload, int, int>, std::size_t> group_of_;
};

TEST(Schedules, LoseNoTimeToTheOrderOfTheirTransfers) {
  for (const Plan& plan : all_plans()) {
    if (plan.micro_batches > 16) continue;
    for (const auto& [forward, backward] : {std::pair(10, 20), std::pair(10, 23), std::pair(11, 20)}) {
      const long ideal = ideal_time(plan, forward, backward);
      const long played = Playback(plan, forward, backward).time();
      EXPECT_LE(static_cast<double>(played), 1.02 * static_cast<double>(ideal)) << describe(plan);
    }
  }
}

TEST(Schedules, RefuseInASentenceNamingTheKey) {
  const auto refusal = [](const Plan& plan) -> std::string {
    try {
      make_schedules(plan);
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refusal({ScheduleKind::kInterleaved, 4, 2, 6}), ::testing::HasSubstr("multiples of parallel.pp = 4"));
  EXPECT_THAT(refusal({ScheduleKind::kOneForwardOneBackward, 4, 2, 8}), ::testing::HasSubstr("parallel.chunks = 2"));
  EXPECT_EQ(refusal({ScheduleKind::kInterleaved, 4, 1, 8}), "accepted");
  EXPECT_EQ(refusal({ScheduleKind::kInterleaved, 1, 3, 1}), "accepted");
  EXPECT_EQ(refusal({ScheduleKind::kGpipe, 4, 2, 6}), "accepted");
}

}  // namespace
}  // namespace trireme::schedule
