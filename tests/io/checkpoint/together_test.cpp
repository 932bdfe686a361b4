#include "io/checkpoint/ranks/together.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint {
namespace {

TEST(Together, AllRanksHearOfTheLowestThatFailed) {
  tests::run_ranks(4, 2, [](Coordinator& coordinator) {
    EXPECT_EQ(together(coordinator, [] {}), "");
    const auto fail_from_2 = [&] {
      if (coordinator.rank() >= 2) throw base::Error("no disk");
    };
    EXPECT_EQ(together(coordinator, fail_from_2), "rank 2: no disk");
    EXPECT_EQ(together(coordinator, [] { throw std::runtime_error(""); }), "rank 0: ") << "an error without a text";
  });
}

TEST(Together, RankZeroActsAloneAndAllHearOfIt) {
  tests::run_ranks(3, 1, [](Coordinator& coordinator) {
    bool acted = false;
    EXPECT_EQ(on_rank_0(coordinator, [&] { acted = true; }), "");
    EXPECT_EQ(acted, coordinator.rank() == 0);
    EXPECT_EQ(on_rank_0(coordinator, [] { throw base::InputError("no such run"); }), "rank 0: no such run");
  });
}

}  // namespace
}  // namespace trireme::checkpoint
