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

const std::size_t kPage = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));

/// How many of the pages from `first` on are resident; the last ones may not be mapped at all.
std::size_t resident_pages(std::byte* first, std::size_t pages) {
  std::vector<unsigned char> found(pages);
  while (pages > 0 && ::mincore(first, pages * kPage, found.data()) != 0) --pages;
  found.resize(pages);
  return static_cast<std::size_t>(std::ranges::count_if(found, [](unsigned char page) { return (page & 1) != 0; }));
}

TEST(HostPool, MemoryOnHugePagesIsNoMoreThanWasAskedFor) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  for (const std::size_t bytes : {std::size_t{4097}, kHugePage, (std::size_t{3} << 20) + 1, 9 * kHugePage - kPage}) {
    const auto memory = allocate_huge(bytes);
    const std::size_t asked = (bytes + kPage - 1) / kPage;
    std::byte* const behind = memory.get() + asked * kPage;
    // Up to the next huge page nothing may become resident together with it, but for the allocator's own next word.
    const std::size_t before = resident_pages(behind, kHugePage / kPage);
    std::memset(memory.get(), 1, bytes);
    EXPECT_EQ(resident_pages(memory.get(), asked), asked) << bytes;
    EXPECT_LE(resident_pages(behind, kHugePage / kPage), before + 1) << bytes;
  }
}

}  // namespace
}  // namespace trireme::checkpoint::tests
