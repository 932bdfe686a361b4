// Pinned memory of snapshots over the fake CUDA runtime.
#include "launcher/session/pinned_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <future>
#include <vector>

#include "base/error.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"
#include "io/checkpoint/save/writer.hpp"
#include "tests/fake/fake.hpp"
#include "tests/fake/seeded.hpp"
#include "tests/support/memory_file_system.hpp"

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
    EXPECT_EQ(cudaHostRegister(memory.get() + 8192, 1, cudaHostRegisterDefault), cudaSuccess) << "more was pinned";
    EXPECT_EQ(cudaHostUnregister(memory.get() + 8192), cudaSuccess);
    std::byte* const begin = memory.get();
    EXPECT_EQ(cudaHostUnregister(begin), cudaSuccess);
    memory.reset();
  });
  EXPECT_THAT(machine.findings(), ElementsAre("cudaHostRegister of memory that is registered",
                                              "cudaHostUnregister of memory that is not registered"));
}

std::size_t g_registered = 0;  ///< bytes, by the test below

/// The training's start pins what its saves need; a first save that had to would hold up the training.
TEST(PinnedMemory, IsRegisteredWhenAWriterReservesItAndNotByItsSaves) {
  fake::Machine machine(seeded());
  const auto errors = machine.run(1, [&](int) {
    CudaFunctions functions = *trireme_cuda_functions();
    functions.set_device(0);
    functions.register_host = [](void* data, std::size_t bytes) {
      g_registered += bytes;
      trireme_cuda_functions()->register_host(data, bytes);
    };
    tests::MemoryFileSystem files;
    checkpoint::SingleProcess planning, draining;
    const checkpoint::HostStateMemory memory;
    checkpoint::Writer writer(planning, files, {draining, memory, 1 << 20, pinned_allocator(functions, 0)});
    const std::vector<float> weights(5000, 1.0F);
    const std::vector<checkpoint::StoredBox> boxes = {
        {checkpoint::kParam, "w", {5000}, base::DataType::kFloat32, {{0}, {5000}}, weights.data()}};
    writer.reserve(boxes, 1);
    EXPECT_EQ(g_registered, 5u * 4096) << "20000 bytes on whole pages";
    checkpoint::SaveInfo info;
    info.directory = "/run/checkpoints";
    info.run_id = info.token = "1f-2a";
    info.job = "local";
    for (info.step = 1; info.step <= 2; ++info.step) {
      writer.start(info, boxes);
      const checkpoint::SaveResult saved = writer.finish();
      EXPECT_TRUE(saved.ok) << saved.error;
    }
    EXPECT_EQ(g_registered, 5u * 4096) << "a save took more";
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(machine.findings(), IsEmpty());
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
