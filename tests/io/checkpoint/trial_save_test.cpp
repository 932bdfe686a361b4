#include "io/checkpoint/run/trial_save.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/memory_file_system.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::MemoryFileSystem;
using trireme::tests::run_ranks;

TEST(TrialSave, LeavesNothingBehind) {
  MemoryFileSystem files;
  run_ranks(4, 2, [&](Coordinator& coordinator) { EXPECT_EQ(try_to_save(coordinator, files, "/run"), ""); });
  EXPECT_TRUE(files.list("/run").empty());
}

TEST(TrialSave, EveryCallThatFailsIsNoticedOnAllRanks) {
  for (long n = 1;; ++n) {
    MemoryFileSystem files;
    files.fail_at(n, EROFS);
    std::atomic<int> noticed = 0;
    run_ranks(2, 2,
              [&](Coordinator& coordinator) { noticed += try_to_save(coordinator, files, "/run").empty() ? 0 : 1; });
    if (!files.has_failed()) {
      EXPECT_GT(n, 30);
      break;
    }
    EXPECT_EQ(noticed, 2) << "call " << n;
  }
}

}  // namespace
}  // namespace trireme::checkpoint::tests
