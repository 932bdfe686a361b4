// What a rank does when NCCL hangs or fails, over the fake machine. The limits are 20 looks of the watch (20 s of its
// clock), 10 for an abort.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/error.hpp"
#include "tests/collectives/nccl/fake_world.hpp"
#include "tests/fake/device_buffer.hpp"
#include "tests/fake/seeded.hpp"

namespace trireme::test {
namespace {

using collectives::Communicator;
using collectives::DataType;
using collectives::ReduceOp;
using collectives::Transfer;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// The ranks may all wait while a watch counts its looks.
fake::Options watched() {
  fake::Options options = fake::seeded();
  options.patience_seconds = 60;
  return options;
}

void reduce(Communicator& group, FakeDeviceBuffer& buffer) {
  group.all_reduce(buffer.data(), 4, DataType::kFloat32, ReduceOp::kSum);
}

/// Where `what` stands first among the endings of a rank; their count when it does not.
std::size_t first(const std::vector<std::string>& endings, const std::string& what) {
  return static_cast<std::size_t>(
      std::find_if(endings.begin(), endings.end(), [&](const auto& one) { return one.find(what) == 0; }) -
      endings.begin());
}

[[noreturn]] void wait_for_the_end(Job& job) {
  job.machine.wait_until("the end of the job", [] { return false; });
  throw base::Error("the job ended");
}

TEST(FakeFailures, AHangIsAbortedAfterItsLimitAndThrownByTheNextUse) {
  Job job(2, watched());
  job.machine.hang_next_kernel(1);
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make_world(job, rank);
    reduce(*world, buffer);
    job.of(rank).clock.start();
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);  // as .item() would
    reduce(*world, buffer);
  });
  EXPECT_THAT(errors, Each(StartsWith("all_reduce 1 of group world (ranks 0 1) has been running for 20 s; ")));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
  for (int rank = 0; rank < 2; ++rank) {
    const auto endings = job.machine.endings(rank);
    EXPECT_LT(first(endings, "ncclCommAbort world"), first(endings, "cudaFree"));
    EXPECT_EQ(first(endings, "ncclCommDestroy"), endings.size());
  }
}

TEST(FakeFailures, AnAsynchronousErrorIsReportedWithNcclsTextTheGroupAndTheOperation) {
  Job job(2, watched());
  job.machine.fail_next_kernel(1, ncclRemoteError, "the link of port 3 is down");
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make_world(job, rank);
    world->start_broadcast(buffer.data(), 4, DataType::kFloat32, 0).wait();
    if (rank == 0) job.of(rank).clock.start();  // sees a hang, since the error is the other's
    cudaDeviceSynchronize();
    world->barrier();
  });
  EXPECT_THAT(errors[0], StartsWith("broadcast 1 of group world (ranks 0 1) has been running for 20 s"));
  EXPECT_EQ(
      errors[1],
      "broadcast 1 of group world (ranks 0 1) failed: remote process exited or there was a network error (the link "
      "of port 3 is down)");
  EXPECT_THAT(job.machine.findings(), IsEmpty());
}

TEST(FakeFailures, AWaitOfAFailedOperationThrows) {
  Job job(1, watched());
  job.machine.fail_next_kernel(0, ncclSystemError, "no memory");
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make_world(job, rank);
    auto request = world->start_all_reduce(buffer.data(), 4, DataType::kFloat32, ReduceOp::kSum);
    cudaDeviceSynchronize();
    request.wait();
  });
  EXPECT_THAT(errors[0], HasSubstr("unhandled system error (no memory)"));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
}

TEST(FakeFailures, APeerThatIsMissingInsideAGroupsEndIsNamed) {
  Job job(2, watched());
  std::atomic<bool> over{false};
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make_world(job, rank);
    if (rank == 1) {
      job.machine.wait_until("the other's error", [&] { return over.load(); });
      throw base::Error("the late one");
    }
    try {
      job.of(rank).clock.start();
      world->start_exchange({{Transfer::Direction::kSend, buffer.data(), 1, DataType::kFloat32, 1},
                             {Transfer::Direction::kReceive, buffer.data(), 1, DataType::kFloat32, 1}});
    } catch (const base::Error&) {
      over = true;
      job.machine.wake();
      throw;
    }
  });
  EXPECT_THAT(errors[0], StartsWith("exchange 1 of group world (ranks 0 1) did not complete in 20 s; "));
  EXPECT_EQ(errors[1], "the late one");
  EXPECT_THAT(job.machine.findings(), IsEmpty());
  EXPECT_EQ(first(job.machine.endings(0), "ncclCommAbort world"), 0u);
}

TEST(FakeFailures, ARefusedCallAbortsEverythingBeforeItThrows) {
  Job job(2, watched());
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make_world(job, rank);
    const auto tp = world->split(0, rank, "tp");
    reduce(*tp, buffer);
    job.of(rank).clock.start();
    if (rank == 0) job.machine.fail_next_launch(0, ncclInvalidArgument, "the count is odd");
    reduce(*world, buffer);
    cudaDeviceSynchronize();
    world->barrier();
  });
  EXPECT_EQ(errors[0], "all_reduce 2 of group world (ranks 0 1) failed: invalid argument (the count is odd)");
  EXPECT_THAT(job.machine.findings(), IsEmpty());
  const auto endings = job.machine.endings(0);
  EXPECT_LT(first(endings, "ncclCommAbort world"), first(endings, "cudaFree"));
  EXPECT_LT(first(endings, "ncclCommAbort tp"), first(endings, "cudaFree"));
}

/// A kernel of one communicator would hold up the abort of another one.
TEST(FakeFailures, AnUnwindingErrorAbortsAllCommunicatorsTogether) {
  Job job(2, watched());
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make_world(job, rank);
    const auto dp = world->split(0, rank, "dp");
    const auto tp = world->split_with_stream(0, rank, "tp");
    reduce(*dp, buffer);
    cudaDeviceSynchronize();
    job.machine.hang_next_kernel(rank);
    reduce(*dp, buffer);
    throw base::Error("out of disk");
  });
  EXPECT_THAT(errors, Each("out of disk"));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
  for (int rank = 0; rank < 2; ++rank) {
    const auto endings = job.machine.endings(rank);
    for (const char* name : {"world", "dp", "tp"}) {
      EXPECT_LT(first(endings, std::string("ncclCommAbort ") + name), first(endings, "cudaFree"));
    }
  }
}

TEST(FakeFailures, AnAbortThatHangsEndsTheJob) {
  Job job(2, watched());
  job.machine.hang_next_kernel(0);
  job.machine.hang_aborts(0);
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = collectives::NcclCommunicator::make_world(ending_world_options(job, rank));
    reduce(*world, buffer);
    if (rank == 0) job.of(rank).clock.start();
    cudaDeviceSynchronize();
    world->barrier();
  });
  EXPECT_THAT(job.of(0).job_ended,
              AllOf(StartsWith("all_reduce 1 of group world (ranks 0 1) has been running for 20 s"),
                    HasSubstr("; and ncclCommAbort did not return in 10 s")));
  EXPECT_THAT(errors, Each(testing::Not("")));
}

TEST(FakeFailures, AHangEndsTheJobOnceEverythingIsAborted) {
  Job job(2, watched());
  job.machine.hang_next_kernel(0);
  job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = collectives::NcclCommunicator::make_world(ending_world_options(job, rank));
    reduce(*world, buffer);
    if (rank == 0) job.of(rank).clock.start();
    cudaDeviceSynchronize();
    wait_for_the_end(job);
  });
  EXPECT_THAT(job.of(0).job_ended, StartsWith("all_reduce 1 of group world (ranks 0 1) has been running for 20 s"));
  EXPECT_EQ(first(job.machine.endings(0), "ncclCommAbort world"), 0u);
}

TEST(FakeFailures, ARankThatNeverComesToSetUpEndsTheJob) {
  Job job(2, watched());
  const auto errors = job.run([&](int rank) {
    if (rank == 1) wait_for_the_end(job);
    job.of(rank).clock.start();
    collectives::NcclCommunicator::make_world(ending_world_options(job, rank));
  });
  EXPECT_THAT(job.of(0).job_ended, StartsWith("set-up of group world did not complete in 20 s; "));
  EXPECT_THAT(errors[0], StartsWith("set-up of group world did not complete in 20 s; "));
}

TEST(FakeFailures, ARankThatNeverComesToASplitEndsTheJob) {
  Job job(2, watched());
  job.run([&](int rank) {
    const auto world = collectives::NcclCommunicator::make_world(ending_world_options(job, rank));
    if (rank == 1) wait_for_the_end(job);
    job.of(rank).clock.start();
    world->split(0, rank, "tp");
  });
  EXPECT_THAT(job.of(0).job_ended, StartsWith("split of group world (ranks 0 1) did not complete in 20 s; "));
}

/// 200 looks are ten times the limit; the operation was issued, but its stream has not come to it.
TEST(FakeFailures, AnOperationBehindTheRanksOwnComputationHasNotBegun) {
  Job job(2, watched());
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make_world(job, rank);
    if (rank == 0) {
      job.machine.compute_until_release(nullptr);
      job.of(rank).clock.at(200, [&] { job.machine.release(); });
    }
    reduce(*world, buffer);
    if (rank == 0) job.of(rank).clock.start();
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    world->finish();
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
}

/// The watch aborts while the rank is about to call NCCL: it looks at the clock just before.
TEST(FakeFailures, NoCallBeginsOnACommunicatorThatIsBeingAborted) {
  Job job(1, watched());
  std::atomic<bool> armed{false};
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    collectives::NcclWorldOptions options = world_options(job, rank);
    options.clock = [&job, &armed, rank, main = std::this_thread::get_id()] {
      if (std::this_thread::get_id() == main && armed.exchange(false)) {
        job.machine.fail_communicators(rank, ncclSystemError, "no memory");
        while (job.machine.endings(rank).empty()) std::this_thread::yield();
      }
      return 0.0;
    };
    const auto world = collectives::NcclCommunicator::make_world(options);
    armed = true;
    reduce(*world, buffer);
  });
  EXPECT_THAT(errors, Each("communication of group world (ranks 0) failed: unhandled system error (no memory)"));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
}

TEST(FakeFailures, EveryUseOfAnyCommunicatorThrowsTheFirstFailure) {
  Job job(1, watched());
  std::vector<std::string> texts;
  const auto errors = job.run([&](int rank) {
    FakeDeviceBuffer buffer(16);
    const auto world = make_world(job, rank);
    const auto alone = world->split(0, rank, "alone");
    job.machine.hang_next_kernel(0);
    reduce(*alone, buffer);
    job.of(rank).clock.start();
    cudaDeviceSynchronize();
    const auto use = [&](const std::function<void()>& what) {
      try {
        what();
      } catch (const base::Error& error) {
        texts.push_back(error.what());
      }
    };
    use([&] { world->barrier(); });
    use([&] { alone->barrier(); });
    use([&] { world->split(0, 0, "more"); });
    use([&] { alone->finish(); });
    use([&] { reduce(*world, buffer); });
    throw base::Error("the end");
  });
  EXPECT_THAT(texts, testing::SizeIs(5));
  EXPECT_THAT(texts, Each(StartsWith("all_reduce 1 of group alone (ranks 0) has been running for 20 s; ")));
  EXPECT_THAT(errors, Each("the end"));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
}

}  // namespace
}  // namespace trireme::test
