// The fakes themselves: what they must notice, they notice.
#include "tests/fake/fake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tests/fake/seeded.hpp"

namespace trireme::fake {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

cudaStream_t new_stream() {
  cudaStream_t stream = nullptr;
  EXPECT_EQ(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, 0), cudaSuccess);
  return stream;
}

cudaEvent_t new_event() {
  cudaEvent_t event = nullptr;
  EXPECT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  return event;
}

float* new_floats(std::size_t count) {
  void* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, count * sizeof(float)), cudaSuccess);
  return static_cast<float*>(data);
}

/// Device memory is host memory here, so a test may look at what a kernel would find.
bool holds_nothing(const float* data) { return std::isnan(*data); }

ncclComm_t join(Machine& machine, int rank, int ranks, const char* name = "world") {
  EXPECT_EQ(cudaSetDevice(rank), cudaSuccess);
  ncclUniqueId id = {};
  if (rank == 0) {
    EXPECT_EQ(ncclGetUniqueId(&id), ncclSuccess);
  }
  machine.broadcast(&id, sizeof(id));
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.commName = name;
  ncclComm_t comm = nullptr;
  EXPECT_EQ(ncclCommInitRankConfig(&comm, ranks, id, rank, &config), ncclSuccess);
  return comm;
}

TEST(FakeMemory, HoldsNothingUntilSomebodyWaits) {
  Machine machine(seeded());
  machine.run(1, [&](int) {
    float* data = new_floats(1);
    EXPECT_TRUE(holds_nothing(data));
    machine.compute_until_release(nullptr);
    EXPECT_EQ(cudaMemsetAsync(data, 0, sizeof(float), nullptr), cudaSuccess);
    EXPECT_TRUE(holds_nothing(data));
    machine.release();
    EXPECT_EQ(cudaStreamSynchronize(nullptr), cudaSuccess);
    EXPECT_EQ(*data, 0);
    EXPECT_EQ(cudaFree(data), cudaSuccess);
  });
  EXPECT_THAT(machine.findings(), IsEmpty());
}

TEST(FakeMemory, ReportsMisuseAndLeaks) {
  Machine machine(seeded());
  machine.run(1, [&](int) {
    float* data = new_floats(2);
    EXPECT_EQ(cudaFree(data), cudaSuccess);
    EXPECT_EQ(cudaFree(data), cudaErrorInvalidValue);
    float* left = new_floats(3);
    EXPECT_EQ(cudaMemset(left, 0, 13), cudaErrorInvalidValue);
    EXPECT_EQ(cudaSetDevice(1), cudaSuccess);
    EXPECT_EQ(cudaMemset(left, 0, 12), cudaErrorInvalidValue);
  });
  EXPECT_THAT(machine.findings(), ElementsAre("cudaFree of memory that is not allocated",
                                              "cudaMemset uses 13 bytes at offset 0 of an allocation of 12",
                                              "cudaMemset uses memory of device 0 on device 1",
                                              "rank 0 left 12 bytes allocated on device 0"));
}

TEST(FakeMemory, ReportsMisuseOfHostMemoryAndWhatStaysRegistered) {
  Machine machine(seeded());
  std::vector<char> memory(64);
  machine.run(1, [&](int) {
    EXPECT_EQ(cudaHostRegister(memory.data(), 32, cudaHostRegisterDefault), cudaSuccess);
    EXPECT_EQ(cudaHostRegister(memory.data() + 31, 8, cudaHostRegisterDefault), cudaErrorHostMemoryAlreadyRegistered);
    EXPECT_EQ(cudaHostRegister(memory.data() + 32, 8, cudaHostRegisterDefault), cudaSuccess);
    EXPECT_EQ(cudaHostUnregister(memory.data()), cudaSuccess);
    EXPECT_EQ(cudaHostUnregister(memory.data()), cudaErrorHostMemoryNotRegistered);
  });
  EXPECT_THAT(machine.findings(), ElementsAre("cudaHostRegister of memory that is registered",
                                              "cudaHostUnregister of memory that is not registered",
                                              "rank 0 left 8 bytes of host memory registered"));
}

/// The bytes of a pageable copy are staged when the call returns; the device may get them later.
TEST(FakeStreams, ACopyFromPageableMemoryIsOrderedByItsStreamOnly) {
  int reported = 0;
  for (unsigned seed = 0; seed < 50; ++seed) {
    Machine machine({.seed = seed});
    machine.run(1, [&](int) {
      float* data = new_floats(1);
      const float one = 1;
      const cudaStream_t other = new_stream();
      EXPECT_EQ(cudaMemcpy(data, &one, sizeof(one), cudaMemcpyHostToDevice), cudaSuccess);
      EXPECT_EQ(cudaMemsetAsync(data, 0, sizeof(one), other), cudaSuccess);
      EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
      EXPECT_EQ(cudaFree(data), cudaSuccess);
    });
    for (const std::string& finding : machine.findings()) {
      EXPECT_THAT(finding, AllOf(StartsWith("cudaMemset on stream"), HasSubstr("in no order")));
      ++reported;
    }
  }
  EXPECT_GT(reported, 25);  // with some seeds the copy happens to be over
}

TEST(FakeStreams, AnEventOrdersTwoStreams) {
  for (int seed = 0; seed < 50; ++seed) {
    Machine machine({.seed = static_cast<unsigned>(seed)});
    machine.run(1, [&](int) {
      float* data = new_floats(1);
      const cudaStream_t first = new_stream();
      const cudaStream_t second = new_stream();
      const cudaEvent_t event = new_event();
      const float one = 1;
      EXPECT_EQ(cudaMemsetAsync(data, 0, sizeof(one), first), cudaSuccess);
      EXPECT_EQ(cudaEventRecord(event, first), cudaSuccess);
      EXPECT_EQ(cudaStreamWaitEvent(second, event, 0), cudaSuccess);
      EXPECT_EQ(cudaMemcpyAsync(data, &one, sizeof(one), cudaMemcpyHostToDevice, second), cudaSuccess);
      EXPECT_EQ(cudaStreamSynchronize(second), cudaSuccess);
      EXPECT_EQ(*data, 1);
      EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
      EXPECT_EQ(cudaStreamDestroy(first), cudaSuccess);
      EXPECT_EQ(cudaStreamDestroy(second), cudaSuccess);
      EXPECT_EQ(cudaFree(data), cudaSuccess);
    });
    ASSERT_THAT(machine.findings(), IsEmpty()) << "machine seed " << seed;
  }
}

TEST(FakeStreams, ReportsHandlesThatAreGone) {
  Machine machine(seeded());
  machine.run(1, [&](int) {
    const cudaStream_t stream = new_stream();
    const cudaEvent_t event = new_event();
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
    EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
    EXPECT_EQ(cudaEventQuery(event), cudaErrorInvalidResourceHandle);
    const cudaEvent_t here = new_event();
    EXPECT_EQ(cudaSetDevice(1), cudaSuccess);
    const cudaStream_t there = new_stream();
    EXPECT_EQ(cudaEventRecord(here, there), cudaErrorInvalidResourceHandle);
  });
  EXPECT_THAT(machine.findings(),
              ElementsAre("cudaStreamSynchronize: stream 1 was destroyed", "cudaEventQuery: event 1 was destroyed",
                          "cudaEventRecord: an event of device 0 on a stream of device 1", "rank 0 left stream 2",
                          "ranks left 1 events"));
}

TEST(FakeContexts, AreMadeByCallsThatNeedOne) {
  Machine machine(seeded());
  machine.run(1, [&](int) {
    int count = 0;
    cudaDeviceProp properties;
    EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
    EXPECT_EQ(cudaGetDevice(&count), cudaSuccess);
    EXPECT_EQ(cudaGetDeviceProperties(&properties, 3), cudaSuccess);
    EXPECT_THAT(machine.contexts(0), IsEmpty());
    EXPECT_EQ(cudaSetDevice(2), cudaSuccess);
    EXPECT_THAT(machine.contexts(0), ElementsAre(2));
  });
}

TEST(FakeNccl, ReportsUseAfterTheEndAndCommunicatorsLeft) {
  Machine machine(seeded());
  machine.run(1, [&](int rank) {
    const ncclComm_t comm = join(machine, rank, 1);
    EXPECT_EQ(ncclCommDestroy(comm), ncclSuccess);
    EXPECT_EQ(ncclCommDestroy(comm), ncclInvalidArgument);
    const ncclComm_t aborted = join(machine, rank, 1, "second");
    EXPECT_EQ(ncclCommAbort(aborted), ncclSuccess);
    EXPECT_EQ(ncclCommFinalize(aborted), ncclInvalidArgument);
    join(machine, rank, 1, "third");
  });
  EXPECT_THAT(machine.findings(),
              ElementsAre("ncclCommDestroy of world: it was destroyed", "ncclCommFinalize of second: it was aborted",
                          "rank 0 left communicator third"));
}

TEST(FakeNccl, ReportsCollectivesThatDiffer) {
  Machine machine(seeded());
  machine.run(2, [&](int rank) {
    const ncclComm_t comm = join(machine, rank, 2);
    float* data = new_floats(4);
    ncclAllReduce(data, data, rank == 0 ? 4 : 3, ncclFloat32, ncclSum, comm, nullptr);
    cudaStreamSynchronize(nullptr);
  });
  EXPECT_THAT(machine.findings(), Contains(HasSubstr("ncclAllReduce of 4 elements")));
}

/// What ranks of one pipeline do first: rank 0 sends and receives in one group, the others in groups of their own.
std::vector<std::string> first_micro_batch(Machine& machine, int ranks) {
  return machine.run(ranks, [&](int rank) {
    const ncclComm_t comm = join(machine, rank, ranks);
    float* data = new_floats(2);
    const auto check = [](ncclResult_t code) {
      if (code != ncclSuccess) throw std::runtime_error(ncclGetLastError(nullptr));
    };
    if (rank == 0) {
      check(ncclGroupStart());
      check(ncclSend(data, 1, ncclFloat32, 1, comm, nullptr));
      check(ncclRecv(data + 1, 1, ncclFloat32, 1, comm, nullptr));
      check(ncclGroupEnd());
      return;
    }
    check(ncclRecv(data, 1, ncclFloat32, rank - 1, comm, nullptr));
    cudaStreamSynchronize(nullptr);  // the host reads something of what came
    if (rank + 1 < ranks) {
      check(ncclSend(data, 1, ncclFloat32, rank + 1, comm, nullptr));
      check(ncclRecv(data, 1, ncclFloat32, rank + 1, comm, nullptr));
    }
    check(ncclSend(data, 1, ncclFloat32, rank - 1, comm, nullptr));
  });
}

TEST(FakeNccl, TwoRanksWhoseFirstGroupsDifferMakeMessagesOfTwoSizes) {
  Machine machine(seeded());
  EXPECT_THAT(first_micro_batch(machine, 2), Contains(HasSubstr("connections instead of")));
}

TEST(FakeNccl, ThreeRanksWhoseFirstGroupsDifferWaitForEachOther) {
  Machine machine(seeded());
  first_micro_batch(machine, 3);
  EXPECT_THAT(machine.findings(),
              Contains(AllOf(StartsWith("deadlock:"), HasSubstr("rank 0 waits for connections of world"),
                             HasSubstr("rank 1 waits for cudaStreamSynchronize"))));
}

TEST(FakeNccl, ADeadlockSaysWhatEachStreamWaitsFor) {
  Machine machine(seeded());
  machine.run(2, [&](int rank) {
    const ncclComm_t comm = join(machine, rank, 2);
    float* data = new_floats(1);
    ncclAllReduce(data, data, 1, ncclFloat32, ncclSum, comm, nullptr);
    cudaStreamSynchronize(nullptr);
    if (rank == 0) ncclAllReduce(data, data, 1, ncclFloat32, ncclSum, comm, nullptr);
    EXPECT_NE(cudaDeviceSynchronize(), rank == 0 ? cudaSuccess : cudaErrorNotReady);
  });
  EXPECT_THAT(machine.findings(), SizeIs(1));
  EXPECT_THAT(machine.findings(),
              Contains(AllOf(StartsWith("deadlock:\n  rank 0 waits for cudaDeviceSynchronize\n  rank 1 has ended"),
                             HasSubstr("holds ncclAllReduce of world; communicator world waits for rank 1"))));
}

TEST(FakeNccl, PollingForEverIsADeadlockToo) {
  Machine machine(seeded());
  machine.run(2, [&](int rank) {
    const ncclComm_t comm = join(machine, rank, 2);
    float* data = new_floats(1);
    ncclAllReduce(data, data, 1, ncclFloat32, ncclSum, comm, nullptr);
    cudaStreamSynchronize(nullptr);
    if (rank == 1) return;
    const cudaEvent_t event = new_event();
    ncclAllReduce(data, data, 1, ncclFloat32, ncclSum, comm, nullptr);
    EXPECT_EQ(cudaEventRecord(event, nullptr), cudaSuccess);
    while (cudaEventQuery(event) == cudaErrorNotReady) {
    }
  });
  EXPECT_THAT(machine.findings(), Contains(AllOf(StartsWith("deadlock:\n  rank 0 waits for cudaEventQuery"),
                                                 HasSubstr("communicator world waits for rank 1"))));
}

/// Freeing what one communicator holds waits for a kernel of another.
TEST(FakeNccl, AnAbortWaitsForTheKernelsOfOtherCommunicatorsUnlessTheyAreAbortedTogether) {
  for (const bool together : {false, true}) {
    Machine machine(seeded());
    machine.run(1, [&](int rank) {
      float* data = new_floats(1);
      const ncclComm_t first = join(machine, rank, 1, "first");
      const ncclComm_t second = join(machine, rank, 1, "second");
      machine.hang_next_kernel(0);
      EXPECT_EQ(ncclAllReduce(data, data, 1, ncclFloat32, ncclSum, second, nullptr), ncclSuccess);
      if (together) {
        EXPECT_EQ(ncclGroupStart(), ncclSuccess);
      }
      EXPECT_EQ(ncclCommAbort(first), together ? ncclSuccess : ncclSystemError);
      ncclCommAbort(second);
      if (together) {
        EXPECT_EQ(ncclGroupEnd(), ncclSuccess);
      }
      cudaFree(data);
    });
    if (together) {
      EXPECT_THAT(machine.findings(), IsEmpty());
    } else {
      EXPECT_THAT(machine.findings(), Contains(HasSubstr("rank 0 waits for ncclCommAbort of first")));
    }
  }
}

TEST(FakeNccl, ANonBlockingCallIsInProgressUntilItsPeersCome) {
  Machine machine(seeded());
  machine.run(2, [&](int rank) {
    EXPECT_EQ(cudaSetDevice(rank), cudaSuccess);
    ncclUniqueId id = {};
    if (rank == 0) {
      EXPECT_EQ(ncclGetUniqueId(&id), ncclSuccess);
    }
    machine.broadcast(&id, sizeof(id));
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    ncclComm_t comm = nullptr;
    EXPECT_EQ(ncclCommInitRankConfig(&comm, 2, id, rank, &config), ncclInProgress);
    ncclResult_t state = ncclInProgress;
    while (state == ncclInProgress) ASSERT_EQ(ncclCommGetAsyncError(comm, &state), ncclSuccess);
    EXPECT_EQ(state, ncclSuccess);
    EXPECT_EQ(machine.threads_started(rank), 1);
    EXPECT_EQ(ncclCommDestroy(comm), ncclSuccess);
  });
  EXPECT_THAT(machine.findings(), IsEmpty());
}

TEST(FakeMachine, RepeatsItselfWithOneSeed) {
  const auto order = [](unsigned seed) {
    Machine machine({.seed = seed});
    std::vector<int> ranks;
    machine.run(3, [&](int rank) {
      for (int i = 0; i < 20; ++i) {
        ranks.push_back(rank);
        int count = 0;
        cudaGetDeviceCount(&count);
      }
    });
    return ranks;
  };
  EXPECT_EQ(order(7), order(7));
  EXPECT_NE(order(7), order(8));
}

/// Rank 0 calls an operation of communicator a, whose stream computes until rank 1 is done with b, and then that of b.
std::vector<std::string> call_behind_a_computation(const Options& options) {
  Machine machine(options);
  machine.run(2, [&](int rank) {
    const std::vector<ncclComm_t> comms = {join(machine, rank, 2, "a"), join(machine, rank, 2, "b")};
    const std::vector<cudaStream_t> streams = {new_stream(), new_stream()};
    float* data = new_floats(2);
    const auto reduce = [&](std::size_t i) {
      EXPECT_EQ(ncclAllReduce(data + i, data + i, 1, ncclFloat, ncclSum, comms[i], streams[i]), ncclSuccess);
    };
    reduce(0);  // connects, and so does the next
    reduce(1);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    if (rank == 0) {
      machine.compute_until_release(streams[0]);
      reduce(0);
      reduce(1);
    } else {
      reduce(1);
      if (cudaStreamSynchronize(streams[1]) != cudaSuccess) return;
      machine.release();
      reduce(0);
    }
    if (cudaDeviceSynchronize() != cudaSuccess) return;
    for (const ncclComm_t comm : comms) ncclCommDestroy(comm);
    for (const cudaStream_t stream : streams) cudaStreamDestroy(stream);
    cudaFree(data);
  });
  return machine.findings();
}

TEST(FakeNccl, StartsKernelsInTheOrderOfTheCallsWhereItIsToldTo) {
  Options options = seeded();
  options.launch_order = false;
  EXPECT_THAT(call_behind_a_computation(options), IsEmpty());
  options.launch_order = true;
  EXPECT_THAT(
      call_behind_a_computation(options),
      ElementsAre(AllOf(StartsWith("deadlock:"), HasSubstr("communicator b waits for the start of communicator a"))));
}

}  // namespace
}  // namespace trireme::fake
