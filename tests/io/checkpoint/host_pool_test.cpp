// The memory of snapshots: its limit holds at every moment, whatever is asked of it.
#include "io/checkpoint/save/host_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

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

TEST(HostPool, MemoryOnHugePagesIsNoMoreThanWasAskedFor) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  for (const std::size_t bytes :
       {std::size_t{4097}, std::size_t{2} << 20, (std::size_t{3} << 20) + 1, (std::size_t{9} << 20) - page}) {
    const auto memory = allocate_huge(bytes);
    std::memset(memory.get(), 1, bytes);
    // What lies behind it up to the next huge page must not have become resident with it.
    const std::size_t asked = (bytes + page - 1) / page, all = asked + (std::size_t{2} << 20) / page;
    std::vector<unsigned char> resident(all);
    std::size_t most = all;  // of these pages the last may not be mapped at all
    while (::mincore(memory.get(), most * page, resident.data()) != 0 && most > asked) --most;
    EXPECT_EQ(std::count_if(resident.begin(), resident.begin() + static_cast<std::ptrdiff_t>(asked),
                            [](unsigned char one) { return (one & 1) != 0; }),
              static_cast<std::ptrdiff_t>(asked))
        << bytes;
    const auto behind = std::count_if(resident.begin() + static_cast<std::ptrdiff_t>(asked),
                                      resident.begin() + static_cast<std::ptrdiff_t>(most),
                                      [](unsigned char one) { return (one & 1) != 0; });
    EXPECT_LE(behind, 1) << "the allocator's own next page, after " << bytes;
  }
}

}  // namespace
}  // namespace trireme::checkpoint::tests
