// The communicator's cases over the fake CUDA runtime and NCCL, ranks as threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/collectives/communicator_cases.hpp"
#include "tests/collectives/nccl/fake_world.hpp"
#include "tests/fake/device_buffer.hpp"
#include "tests/support/random.hpp"

namespace trireme::test {
namespace {

class FakeCommunicator : public testing::TestWithParam<std::tuple<int, NamedCase>> {};

TEST_P(FakeCommunicator, HoldsInAnyOrder) {
  const auto& [ranks, named] = GetParam();
  auto seeds = tests::seeded_random(15);
  for (int round = 0; round < 3; ++round) {
    const auto seed = static_cast<unsigned>(seeds());
    SCOPED_TRACE(testing::Message() << "machine seed " << seed);
    Job job(ranks, {.seed = seed, .launch_order = round > 0});
    const auto errors = job.run([&, named = named](int rank) {
      const Environment environment{"fake",
                                    [&] { return make_world(job, rank); },
                                    [](std::size_t bytes) { return std::make_unique<FakeDeviceBuffer>(bytes); },
                                    {0, 1, 5, 203}};
      CommunicatorCase one(environment);
      (one.*named.run)();
      one.finish();
    });
    EXPECT_THAT(errors, testing::Each(""));
    EXPECT_THAT(job.machine.findings(), testing::IsEmpty());
    for (int rank = 0; rank < ranks; ++rank) EXPECT_EQ(job.machine.threads_started(rank), 0);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, FakeCommunicator,
                         testing::Combine(testing::Range(1, 5), testing::ValuesIn(kCommunicatorCases)),
                         [](const auto& info) {
                           return std::to_string(std::get<0>(info.param)) + "_" + std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace trireme::test
