// Pinned memory of snapshots over the fake CUDA runtime.
#include "launcher/session/pinned_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <future>

#include "base/error.hpp"
#include "tests/fake/fake.hpp"
#include "tests/fake/seeded.hpp"

extern "C" const trireme::collectives::CudaFunctions* trireme_cuda_functions();

namespace trireme::launcher {
namespace {

using collectives::CudaFunctions;
using fake::seeded;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

/// A save's thread asks for memory, as checkpoint::Writer's does; the next one asks for more, and the rank's own thread
/// frees it.
TEST(PinnedMemory, IsRegisteredOnTheRanksDeviceAndUnregisteredBeforeItIsFreed) {
  fake::Machine machine(seeded());
  const auto errors = machine.run(3, [&](int rank) {
    const CudaFunctions& functions = *trireme_cuda_functions();
    functions.set_device(rank);
    checkpoint::HostPool pool(3 << 20, pinned_allocator(functions, rank));
    for (const std::size_t bytes : {std::size_t{4096}, std::size_t{1} << 20, std::size_t{3} << 20}) {
      auto save = std::async(std::launch::async, [&] {
        machine.join_rank(rank);
        std::memset(pool.reserve(bytes), 1, bytes);
      });
      machine.while_away([&] { save.wait(); });
      save.get();
    }
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(machine.findings(), IsEmpty());
  for (int rank = 0; rank < 3; ++rank) EXPECT_THAT(machine.contexts(rank), ElementsAre(rank));
}

TEST(PinnedMemory, IsWhatTheRuntimeRegistered) {
  fake::Machine machine(seeded());
  machine.run(1, [&](int) {
    auto memory = pinned_allocator(*trireme_cuda_functions(), 0)(8192);
    EXPECT_EQ(cudaHostRegister(memory.get() + 8191, 1, cudaHostRegisterDefault), cudaErrorHostMemoryAlreadyRegistered);
    std::byte* const begin = memory.get();
    EXPECT_EQ(cudaHostUnregister(begin), cudaSuccess);
    memory.reset();
  });
  EXPECT_THAT(machine.findings(), ElementsAre("cudaHostRegister of memory that is registered",
                                              "cudaHostUnregister of memory that is not registered"));
}

TEST(PinnedMemory, StaysWhileAnExceptionUnwinds) {
  fake::Machine machine(seeded());
  const auto errors = machine.run(1, [&](int) {
    checkpoint::HostPool pool(4096, pinned_allocator(*trireme_cuda_functions(), 0));
    std::memset(pool.reserve(4096), 1, 4096);
    throw base::Error("a rank fails");
  });
  EXPECT_THAT(errors, ElementsAre("a rank fails"));
  EXPECT_THAT(machine.findings(), ElementsAre("rank 0 left 4096 bytes of host memory registered"));
}

TEST(PinnedMemory, SaysWhenTheSystemPinsNoMore) {
  fake::Machine machine(seeded());
  const auto errors = machine.run(1, [&](int) {
    CudaFunctions functions = *trireme_cuda_functions();
    functions.register_host = [](void*, std::size_t) {
      throw base::Error("pinning host memory failed: out of memory");
    };
    pinned_allocator(functions, 0)(4096);
  });
  EXPECT_THAT(errors, ElementsAre("pinning host memory failed: out of memory"));
  EXPECT_THAT(machine.findings(), IsEmpty());
}

}  // namespace
}  // namespace trireme::launcher
