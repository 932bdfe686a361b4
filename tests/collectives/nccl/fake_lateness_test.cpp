// A late peer is not a hang, over the fake machine: ranks ask each other where their devices are. Rank 0's looks move
// the clock of all ranks, a second each, and when it has left, those of the others do; the limit is 20 s.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <set>

#include "base/error.hpp"
#include "collectives/ops/diagnosis.hpp"
#include "tests/collectives/nccl/fake_world.hpp"
#include "tests/fake/device_buffer.hpp"
#include "tests/fake/seeded.hpp"

namespace trireme::test {
namespace {

using collectives::Communicator;
using collectives::DataType;
using collectives::NcclCommunicator;
using collectives::RankState;
using collectives::ReduceOp;
using collectives::Transfer;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr int kLimit = 20;

class FakeLateness : public testing::Test {
 protected:
  explicit FakeLateness() : job_(3, options()) {}

  static fake::Options options() {
    fake::Options options = fake::seeded();
    options.patience_seconds = 60;
    return options;
  }

  /// All ranks answer at once, but for the silent ones.
  std::unique_ptr<Communicator> make(int rank, bool ends_job = false) {
    collectives::NcclWorldOptions options = ends_job ? ending_world_options(job_, rank) : world_options(job_, rank);
    const auto leaving = rank == 0 ? std::make_shared<Leaving>(*this) : nullptr;  // lives as long as rank 0's watch
    options.clock = [this, rank, leaving] {
      return rank == 0 || left_at_ >= 0 ? job_.of(0).clock() : job_.of(0).clock.now();
    };
    options.ask = [this](const std::vector<int>& ranks) {
      std::vector<RankState> states;
      for (const int asked : ranks) {
        states.push_back(collectives::describe(job_.of(asked).trace, asked, "n1", "step", 7));
        states.back().answered = !silent_.contains(asked);
      }
      ++questions_;
      std::promise<std::vector<RankState>> answers;
      answers.set_value(states);
      return answers.get_future();
    };
    return NcclCommunicator::make_world(options);
  }

  static void reduce(Communicator& group, FakeDeviceBuffer& buffer) {
    group.all_reduce(buffer.data(), 4, DataType::kFloat32, ReduceOp::kSum);
  }

  static void* after(FakeDeviceBuffer& buffer) { return static_cast<char*>(buffer.data()) + 4; }

  /// On the last rank: waits until rank 0's watch has looked so often.
  void come_late(int looks) {
    job_.of(0).clock.at(looks, [this] {
      late_ = true;
      job_.machine.wake();
    });
    job_.machine.wait_until("the late moment", [this] { return late_.load(); });
  }

  struct Leaving {
    explicit Leaving(FakeLateness& test) : test(test) {}
    ~Leaving() { test.left_at_ = test.job_.of(0).clock.now(); }
    FakeLateness& test;
  };

  Job job_;
  std::set<int> silent_;
  std::atomic<double> left_at_{-1};  ///< when rank 0's watch ended; others may come to the limit later
  std::atomic<bool> late_{false};
  std::atomic<int> questions_{0};
};

TEST_F(FakeLateness, APeerWhoseHostIsLateBeyondTheLimitIsNoHang) {
  const auto errors = job_.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make(rank);
    if (rank == 0) job_.of(0).clock.start();
    if (rank == 2) come_late(10 * kLimit);
    reduce(*world, buffer);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    world->finish();
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(job_.machine.findings(), IsEmpty());
  EXPECT_GT(questions_, 0) << "nobody was past the limit";
}

TEST_F(FakeLateness, APeerWhoseDeviceIsLateBeyondTheLimitIsNoHang) {
  const auto errors = job_.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make(rank);
    if (rank == 2) {
      job_.machine.compute_until_release(nullptr);
      job_.of(0).clock.at(10 * kLimit, [&] { job_.machine.release(); });
    }
    reduce(*world, buffer);
    if (rank == 0) job_.of(0).clock.start();
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    world->finish();
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(job_.machine.findings(), IsEmpty());
  EXPECT_GT(questions_, 0) << "nobody was past the limit";
}

// The first transfer between two ranks connects them, and the host waits inside the call.
TEST_F(FakeLateness, APeerThatComesLateToBeConnectedIsNoHang) {
  const auto errors = job_.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make(rank);
    if (rank == 0) job_.of(0).clock.start();
    if (rank == 2) come_late(10 * kLimit);
    if (rank == 1) return world->finish();
    world->start_exchange({{Transfer::Direction::kSend, buffer.data(), 1, DataType::kFloat32, 2 - rank},
                           {Transfer::Direction::kReceive, after(buffer), 1, DataType::kFloat32, 2 - rank}});
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    world->finish();
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(job_.machine.findings(), IsEmpty());
  EXPECT_GT(questions_, 0) << "nobody was past the limit";
}

TEST_F(FakeLateness, AHangWithAllPeersAtItIsReportedWhenTheLimitHasPassed) {
  job_.machine.hang_next_kernel(2);
  const auto errors = job_.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make(rank);
    reduce(*world, buffer);
    if (rank == 0) job_.of(0).clock.start();
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    reduce(*world, buffer);
  });
  EXPECT_THAT(errors[0],
              StartsWith("all_reduce 1 of group world (ranks 0 1 2) has been running for 20 s; all its ranks "
                         "have come to it"));
  EXPECT_LT(left_at_, 2 * kLimit) << "the limit counts from when the last rank came";
  EXPECT_THAT(job_.machine.findings(), IsEmpty());
}

TEST_F(FakeLateness, TheLimitCountsFromTheLastRanksComing) {
  const auto errors = job_.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make(rank);
    if (rank == 0) job_.of(0).clock.start();
    if (rank == 2) {
      come_late(5 * kLimit);
      job_.machine.hang_next_kernel(2);
    }
    reduce(*world, buffer);
    cudaDeviceSynchronize();
    reduce(*world, buffer);
  });
  EXPECT_THAT(errors[0], HasSubstr("all its ranks have come to it"));
  EXPECT_GT(job_.of(0).clock.now(), 6 * kLimit);
  EXPECT_THAT(job_.machine.findings(), IsEmpty());
}

TEST_F(FakeLateness, APeerThatDoesNotAnswerIsNamed) {
  silent_ = {2};
  job_.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make(rank, true);
    if (rank == 2) {
      job_.machine.wait_until("the end of the job", [] { return false; });
      throw base::Error("the job ended");
    }
    if (rank == 0) job_.of(0).clock.start();
    reduce(*world, buffer);
    cudaDeviceSynchronize();
    job_.machine.wait_until("the end of the job", [] { return false; });
    throw base::Error("the job ended");
  });
  EXPECT_THAT(job_.of(0).job_ended + job_.of(1).job_ended,
              HasSubstr("did not complete in 20 s; no answer from rank 2 (host n1)"));
}

/// NCCL starts operations in the order of the calls. Rank 2's second one, on a stream of its own, waits for its first,
/// which waits for the rank's own computation.
TEST_F(FakeLateness, AnOperationBehindAnotherStreamsHasNotBegun) {
  const auto errors = job_.run([&](int rank) {
    FakeDeviceBuffer buffer(16), other(16);
    const auto world = make(rank);
    const auto own = world->split_with_stream(0, rank, "own");
    const auto since = own->moment();
    if (rank == 2) {
      job_.machine.compute_until_release(nullptr);
      job_.of(0).clock.at(10 * kLimit, [&] { job_.machine.release(); });
    }
    auto first = world->start_all_reduce(buffer.data(), 4, DataType::kFloat32, ReduceOp::kSum);
    // Waits for nothing that is computed after `since`: only the first operation holds it up.
    const int next = (rank + 1) % 3, before = (rank + 2) % 3;
    auto second = own->start_exchange_since(
        since, {{Transfer::Direction::kSend, other.data(), 1, DataType::kFloat32, next},
                {Transfer::Direction::kReceive, after(other), 1, DataType::kFloat32, before}});
    if (rank == 0) job_.of(0).clock.start();
    first.wait();
    second.wait();
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    own->finish();
    world->finish();
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(job_.machine.findings(), IsEmpty());
}

}  // namespace
}  // namespace trireme::test
