// Which devices, streams and connections a rank uses, over the fake machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "base/error.hpp"
#include "tests/collectives/nccl/fake_world.hpp"
#include "tests/fake/device_buffer.hpp"
#include "tests/fake/seeded.hpp"

extern "C" const trireme::collectives::CudaFunctions* trireme_cuda_functions();

namespace trireme::test {
namespace {

using collectives::Communicator;
using collectives::DataType;
using collectives::ReduceOp;
using collectives::Transfer;
using fake::seeded;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<float> read(FakeDeviceBuffer& buffer, std::size_t count) {
  std::vector<float> values(count);
  buffer.read(values.data(), count * sizeof(float));
  return values;
}

void write(FakeDeviceBuffer& buffer, const std::vector<float>& values) {
  buffer.write(values.data(), values.size() * sizeof(float));
}

TEST(FakeDevices, ARankMakesAContextOnItsOwnDeviceOnly) {
  fake::Options options = seeded();
  options.patience_seconds = 60;
  Job job(3, options);
  const auto errors = job.machine.run(3, [&](int rank) {
    // The launcher too looks at devices first, then chooses.
    const collectives::CudaFunctions& functions = *trireme_cuda_functions();
    EXPECT_EQ(functions.device_count(), 4);
    EXPECT_THAT(functions.device(rank).uuid, testing::StartsWith(base::str("GPU-", rank, "0", rank, "1")));
    EXPECT_EQ(functions.device(rank).memory_bytes, std::size_t{80} << 30);
    EXPECT_EQ(functions.device(rank).compute_capability, 90);
    EXPECT_THAT(job.machine.contexts(rank), IsEmpty());
    functions.set_device(rank);
    EXPECT_EQ(functions.free_bytes(), std::size_t{80} << 30);
    const auto world = make_world(job, rank);
    void* data = functions.allocate(16);
    auto first = world->start_all_reduce(data, 4, DataType::kFloat32, ReduceOp::kSum);
    // Backward runs in threads of its own, whose current device is 0.
    std::thread waits([&] {
      job.machine.join_rank(rank);
      first.wait();
    });
    job.machine.while_away([&] { waits.join(); });
    std::thread starts([&] {
      job.machine.join_rank(rank);
      world->start_all_reduce(data, 4, DataType::kFloat32, ReduceOp::kSum).wait();
    });
    job.machine.while_away([&] { starts.join(); });
    // The watch looks at both.
    std::atomic<bool> looked{false};
    job.of(rank).clock.at(5, [&] {
      looked = true;
      job.machine.wake();
    });
    job.of(rank).clock.start();
    job.machine.wait_until("the watch", [&] { return looked.load(); });
    functions.synchronize();
    world->finish();
    functions.release(data);
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
  for (int rank = 0; rank < 3; ++rank) EXPECT_THAT(job.machine.contexts(rank), ElementsAre(rank));
}

TEST(FakeDevices, SplitGroupsKnowTheirRanksInTheWorld) {
  Job job(4, seeded());
  const auto errors = job.run([&](int rank) {
    const auto world = make_world(job, rank);
    const auto odd = world->split(rank % 2, -rank, "odd");
    const auto pair = odd->split(0, odd->rank(), "pair");
    const auto groups = job.of(rank).trace.groups();
    ASSERT_EQ(groups.size(), 3u);
    EXPECT_THAT(groups[0]->ranks(), ElementsAre(0, 1, 2, 3));
    EXPECT_THAT(groups[1]->ranks(), ElementsAre(2 + rank % 2, rank % 2));
    EXPECT_THAT(groups[2]->ranks(), ElementsAre(2 + rank % 2, rank % 2));
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
}

TEST(FakeDevices, AskNcclForOneLaunchOrder) {
  Job job(1, seeded());
  job.run([&](int rank) { make_world(job, rank)->finish(); });
  EXPECT_STREQ(std::getenv("NCCL_LAUNCH_ORDER_IMPLICIT"), "1");
}

TEST(FakeDevices, SplitsShareAStreamUnlessTheyAskForOne) {
  Job job(2, seeded());
  std::atomic<int> shared{0};
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make_world(job, rank);
    const auto dp = world->split(0, rank, "dp");
    dp->all_reduce(buffer.data(), 4, DataType::kFloat32);
    cudaDeviceSynchronize();
    if (rank == 0) shared = job.machine.streams_used(0);
    const auto tp = world->split_with_stream(0, rank, "tp");
    tp->all_reduce(buffer.data(), 4, DataType::kFloat32);
    cudaDeviceSynchronize();
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
  EXPECT_EQ(shared, 1);
  EXPECT_EQ(job.machine.streams_used(0), 2);
}

TEST(FakeDevices, ARequestThatIsTestedUntilItIsDoneOrdersTheComputeStream) {
  Job job(2, seeded());
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    write(buffer, {1, 2, 3, 4});
    const auto world = make_world(job, rank);
    auto request = world->start_all_reduce(buffer.data(), 4, DataType::kFloat32, ReduceOp::kSum);
    while (!request.test()) {
    }
    EXPECT_THAT(read(buffer, 4), ElementsAre(2, 4, 6, 8));
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
}

/// Rank 0 posts its receive early; rank 1 sends only after an all-reduce of the other group.
std::vector<std::string> receive_early(Job& job, bool stream_of_its_own) {
  return job.run([&](int rank) {
    FakeDeviceBuffer tensor(16);
    FakeDeviceBuffer message(16);
    write(tensor, {1, 2, 3, 4});
    const auto tp = make_world(job, rank);
    const auto pp = stream_of_its_own ? tp->split_with_stream(0, rank, "pp") : tp->split(0, rank, "pp");
    pp->connect({1 - rank});
    using Direction = Transfer::Direction;
    collectives::Request receive;
    if (rank == 0) receive = pp->start_exchange({{Direction::kReceive, message.data(), 4, DataType::kFloat32, 1}});
    tp->all_reduce(tensor.data(), 4, DataType::kFloat32);
    EXPECT_THAT(read(tensor, 4), ElementsAre(2, 4, 6, 8));
    if (rank == 1) pp->send(tensor.data(), 4, DataType::kFloat32, 0);
    receive.wait();
    EXPECT_TRUE(rank == 1 || read(message, 4) == std::vector<float>({2, 4, 6, 8}));
    cudaDeviceSynchronize();
  });
}

TEST(FakeDevices, AReceiveOnAStreamOfItsOwnHoldsUpNobody) {
  Job job(2, seeded());
  EXPECT_THAT(receive_early(job, true), Each(""));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
}

}  // namespace
}  // namespace trireme::test
