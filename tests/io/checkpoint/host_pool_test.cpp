// The memory of snapshots: its limit holds at every moment, whatever is asked of it.
#include "io/checkpoint/save/host_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "tests/support/counting_allocator.hpp"
#include "tests/support/random.hpp"

namespace trireme::checkpoint::tests {
namespace {

using testing::ElementsAre;
using trireme::tests::CountingAllocator;

TEST(HostPool, NeverHoldsMoreThanItsLimit) {
  auto random = trireme::tests::seeded_random(15);
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t limit = random() % (3 << 20) + 1;
    CountingAllocator memory;
    {
      HostPool pool(limit, memory.function());
      std::uint64_t largest = 0;
      for (int save = 0; save < 8; ++save) {
        const std::uint64_t bytes = save == 5 ? limit : random() % limit + 1;
        std::memset(pool.reserve(bytes), save, bytes);
        largest = std::max(largest, bytes);
        EXPECT_EQ(memory.in_use(), largest);
      }
      EXPECT_THROW(pool.reserve(limit + 1), base::Error);
    }
    EXPECT_EQ(memory.most_in_use(), limit);
    EXPECT_EQ(memory.in_use(), 0);
  }
}

TEST(HostPool, KeepsItsMemoryWhereItSuffices) {
  CountingAllocator memory;
  HostPool pool(100, memory.function());
  const std::byte* first = pool.reserve(60);
  EXPECT_EQ(pool.reserve(10), first);
  EXPECT_EQ(pool.reserve(60), first);
  pool.reserve(61);
  EXPECT_THAT(memory.asked(), ElementsAre(60, 61));
}

TEST(HostPool, MemoryBeginsWhereDirectInputAndOutputMay) {
  for (const std::size_t bytes : {1, 4096, 4097, 3 << 20}) {
    const auto memory = allocate_huge(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % base::kDirectAlignment, 0) << bytes;
  }
}

}  // namespace
}  // namespace trireme::checkpoint::tests
