#include "tests/collectives/communicator_case_tests.hpp"

#include "base/error.hpp"
#include "collectives/mpi/communicator.hpp"
#include "collectives/mpi/places.hpp"
#include "collectives/ops/text.hpp"
#include "tests/support/mpi_main.hpp"

namespace trireme::test {
namespace {

using collectives::MpiOptions;

Environment host(const std::string& label, const MpiOptions& options, std::vector<std::size_t> counts) {
  return {label, [options] { return world().communicator("host", options); },
          [](std::size_t bytes) { return std::make_unique<HostBuffer>(bytes); }, std::move(counts)};
}

INSTANTIATE_TEST_SUITE_P(
    Host, CommunicatorCases,
    testing::Combine(testing::Values(host("messages", {.shared_window = false}, {0, 1, 5, 1023, 30001}),
                                     host("messages_in_pieces", {.max_count = 1000, .shared_window = false},
                                          {0, 1, 999, 1000, 1001, 7013}),
                                     host("shared_window", {.shared_window = true}, {0, 1, 5, 1023, 150001})),
                     testing::ValuesIn(kCommunicatorCases)),
    name_of_case);

TEST(MpiCommunicator, SharesMemoryOnOneNode) {
  // One host runs this test: without the window, the shared_window cases above would test messages again.
  auto communicator = world().communicator("host");
  auto* mpi = dynamic_cast<collectives::MpiCommunicator*>(communicator.get());
  ASSERT_NE(mpi, nullptr);
  EXPECT_EQ(mpi->shares_memory(), world().size() > 1);
  communicator->finish();
}

/// Two groups wait for each other's progress: rank r starts a large send that needs its help, then waits in a
/// collective whose other ranks wait for such a send.
TEST(MpiCommunicator, AWaitInOneGroupLetsTheOthersGoOn) {
  auto ring = world().communicator("ring", {.shared_window = false});
  auto all = world().communicator("all");
  const int size = world().size();
  constexpr std::size_t kCount = 1 << 20;
  std::vector<float> out(kCount, static_cast<float>(world().rank()));
  std::vector<float> in(kCount, -1);
  std::vector<float> sum(kCount, 1);
  const int next = (world().rank() + 1) % size;
  const int previous = (world().rank() + size - 1) % size;
  Request sending = ring->start_exchange({{Transfer::Direction::kSend, out.data(), kCount, DataType::kFloat32, next}});
  Request reducing = all->start_all_reduce(sum.data(), kCount, DataType::kFloat32, ReduceOp::kSum);
  const auto receive = [&] { ring->receive(in.data(), kCount, DataType::kFloat32, previous); };
  if (world().rank() % 2 == 0) {
    receive();
    reducing.wait();
  } else {
    reducing.wait();
    receive();
  }
  sending.wait();
  EXPECT_EQ(in[kCount - 1], static_cast<float>(previous));
  EXPECT_EQ(sum[kCount - 1], static_cast<float>(size));
  ring->finish();
  all->finish();
}

TEST(MpiCommunicator, RanksOutsideTheGroupAreRefused) {
  auto communicator = world().communicator("host");
  float value = 0;
  EXPECT_THROW(communicator->send(&value, 1, DataType::kFloat32, world().size()), base::Error);
  EXPECT_THROW(communicator->broadcast(&value, 1, DataType::kFloat32, -1), base::Error);
  communicator->finish();
}

TEST(MpiCommunicator, TagsMatchSendsWithReceives) {
  auto communicator = world().communicator("host");
  if (world().size() == 1) GTEST_SKIP() << "a blocking receive needs another rank";
  const int other = world().size() - 1;
  float a = 1, b = 2, received_a = 0, received_b = 0;
  using Direction = Transfer::Direction;
  if (world().rank() == 0) {
    communicator
        ->start_exchange({{Direction::kSend, &a, 1, DataType::kFloat32, other, 7},
                          {Direction::kSend, &b, 1, DataType::kFloat32, other, 8}})
        .wait();
  }
  if (world().rank() == other) {
    communicator->receive(&received_b, 1, DataType::kFloat32, 0, 8);
    communicator->receive(&received_a, 1, DataType::kFloat32, 0, 7);
    EXPECT_EQ(received_a, 1);
    EXPECT_EQ(received_b, 2);
  }
  communicator->finish();
}

TEST(MpiWorld, AgreesOnTheLargestStatus) {
  EXPECT_EQ(world().agree(world().rank() == world().size() - 1 ? 75 : 0), 75);
}

TEST(MpiCommunicator, DifferentOperationsInOneGroupAreNoticed) {
  if (world().size() == 1) GTEST_SKIP() << "one rank cannot differ";
  auto communicator = world().communicator("host");
  std::vector<float> data(1000);
  const std::size_t count = world().rank() == 0 ? 1000 : 999;
  EXPECT_THROW(communicator->all_reduce(data.data(), count, DataType::kFloat32), base::Error);
  static_cast<void>(communicator.release());  // cannot be closed together any more
}

TEST(MpiWorld, TogetherThrowsTheLowestFailingRanksErrorEverywhere) {
  if (world().size() > 1) try {
      world().together([] {
        if (world().rank() >= 1) throw base::InputError(base::str("no such file on rank ", world().rank()));
      });
      FAIL() << "no error";
    } catch (const base::InputError& error) {
      EXPECT_STREQ(error.what(), "[rank 1] no such file on rank 1");
    }
  try {
    world().together([] { throw base::Error("all alike"); });
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_STREQ(error.what(), "all alike");
  }
  world().together([] {});
}

TEST(ShareText, GivesEveryRankTheRootsBytesOfAnyLength) {
  for (int root = 0; root < world().size(); ++root) {
    for (const std::size_t length : {0, 1, 5000}) {
      const std::string wanted = std::string(length, static_cast<char>(root)) + '\0';
      const std::string mine = world().rank() == root ? wanted : std::string(77, 'x');
      EXPECT_EQ(collectives::share_text(world().control(), mine, root), wanted);
    }
  }
}

TEST(ShareText, WaitsAsItIsTold) {
  int waits = 0;
  const auto wait = [&](Request request) {
    ++waits;
    request.wait();
  };
  EXPECT_EQ(collectives::share_text(world().control(), base::str(world().rank()), 0, wait), "0");
  EXPECT_EQ(waits, 2);
}

TEST(MpiWorld, GathersWhereAllRanksRun) {
  const auto places = collectives::gather_places(world(), base::str("GPU-", world().rank() / 2));
  ASSERT_EQ(places.size(), static_cast<std::size_t>(world().size()));
  for (int rank = 0; rank < world().size(); ++rank) {
    const auto& place = places[static_cast<std::size_t>(rank)];
    EXPECT_EQ(place.rank, rank);
    EXPECT_EQ(place.host, world().host());
    EXPECT_EQ(place.device, base::str("GPU-", rank / 2));
    EXPECT_FALSE(place.cpus.empty());
  }
  EXPECT_EQ(topology::duplicate_devices(places).has_value(), world().size() > 1);
}

TEST(MpiWorld, KnowsItsNode) {
  EXPECT_EQ(world().local_size(), world().size());
  EXPECT_EQ(world().local_rank(), world().rank());
  EXPECT_FALSE(world().host().empty());
}

}  // namespace
}  // namespace trireme::test
