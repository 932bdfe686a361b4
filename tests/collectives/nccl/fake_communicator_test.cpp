// The communicator's cases over the fake CUDA runtime and NCCL, ranks as threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/collectives/communicator_cases.hpp"
#include "tests/collectives/nccl/fake_world.hpp"
#include "tests/fake/device_buffer.hpp"
#include "tests/support/random.hpp"

namespace trireme::test {
namespace {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CommunicatorCases);

class FakeCommunicator : public testing::TestWithParam<std::tuple<int, NamedCase>> {};

TEST_P(FakeCommunicator, HoldsInAnyOrder) {
  const auto& [ranks, named] = GetParam();
  auto seeds = tests::seeded_random(15);
  for (int round = 0; round < 3; ++round) {
    const auto seed = static_cast<unsigned>(seeds());
    SCOPED_TRACE(testing::Message() << "machine seed " << seed);
    fake::Machine machine({.seed = seed});
    std::vector<Processes> processes(static_cast<std::size_t>(ranks));
    const auto errors = machine.run(ranks, [&, named = named, ranks = ranks](int rank) {
      const Environment environment{
          "fake", [&] { return make_world(machine, processes[static_cast<std::size_t>(rank)], rank, ranks); },
          [](std::size_t bytes) { return std::make_unique<FakeDeviceBuffer>(bytes); },
          {0, 1, 5, 203}};
      CommunicatorCase one(environment);
      (one.*named.run)();
      one.finish();
    });
    EXPECT_THAT(errors, testing::Each(""));
    EXPECT_THAT(machine.findings(), testing::IsEmpty());
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
