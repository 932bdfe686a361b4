// Disks that fail and machines that lose power at every single call of a save, and at every call of a load.
#include <gtest/gtest.h>

#include "io/checkpoint/run_checkpoints.hpp"
#include "io/checkpoint/verify.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::MemoryFileSystem;
using trireme::tests::run_ranks;
using AfterCrash = MemoryFileSystem::AfterCrash;

const std::filesystem::path kRun = "/run";

struct Case {
  Layout layout;
  int nodes;
};

std::vector<SampleTensor> tensors() {
  return {{Kind::kParam, "a", {4, 6}, DataType::kFloat32},
          {Kind::kAdamM, "a", {4, 6}, DataType::kFloat32},
          {Kind::kParam, "b", {3}, DataType::kFloat32}};
}

SaveResult save(MemoryFileSystem& files, const Case& c, std::int64_t step) {
  SaveResult result;
  run_ranks(c.layout.ranks(), c.nodes, [&](Coordinator& coordinator) {
    const auto mine = save_sample(coordinator, files, sample_info(kRun, step), tensors(), c.layout);
    if (coordinator.rank() == 0) result = mine;
  });
  return result;
}

/// Restores under another layout; the step that came back, having checked every value. -1 when nothing is there.
std::int64_t restore(MemoryFileSystem& files) {
  std::int64_t step = -1;
  run_ranks(2, 1, [&](Coordinator& coordinator) {
    const auto restored = restore_newest(coordinator, files, kRun, 2, {}, [&](Reader& reader) {
      const auto saved = reader.manifest().step;
      EXPECT_EQ(load_sample(reader, coordinator, tensors(), {2, 1, 1, false}, DataType::kFloat32, saved), 0);
    });
    if (coordinator.rank() == 0) step = restored.value_or(-1);
  });
  return step;
}

const std::vector<Case> kCases = {{{1, 1, 1, false}, 1}, {{1, 4, 1, true}, 2}};

TEST(Fault, AFailingCallNeverHarmsOlderCheckpointsNorHangs) {
  for (const auto& c : kCases) {
    for (const int code : {ENOSPC, EIO}) {
      for (long n = 1;; ++n) {
        MemoryFileSystem files;
        ASSERT_TRUE(save(files, c, 1).ok);
        files.fail_at(n, code);
        const SaveResult result = save(files, c, 2);
        if (!files.has_failed()) {
          EXPECT_TRUE(result.ok) << result.error;
          EXPECT_GT(n, 20) << "the save made hardly any calls";
          break;
        }
        if (!result.ok) {
          EXPECT_NE(result.error.find("cannot save step 2"), std::string::npos);
        } else {
          EXPECT_FALSE(result.warning.empty()) << "call " << n << " failed unnoticed";
        }
        files.restart(AfterCrash::kKeepAll);
        const auto step = restore(files);
        EXPECT_TRUE(step == 1 || step == 2) << "call " << n;
        if (result.ok) {
          EXPECT_EQ(step, 2) << "call " << n;
        }
        EXPECT_TRUE(save(files, c, 3).ok) << "call " << n;
        EXPECT_EQ(restore(files), 3);
      }
    }
  }
}

TEST(Fault, PowerLossAtAnyCallLeavesTheNewestWholeCheckpoint) {
  for (const auto& c : kCases) {
    for (const auto after : {AfterCrash::kLoseUnsynced, AfterCrash::kKeepAll, AfterCrash::kRandom}) {
      for (long n = 1;; ++n) {
        MemoryFileSystem files;
        ASSERT_TRUE(save(files, c, 1).ok);
        files.crash_at(n);
        const SaveResult result = save(files, c, 2);
        const bool done = !files.has_failed();
        files.restart(after, static_cast<unsigned>(n));
        collect_leftovers(files, kRun);
        const auto step = restore(files);
        if (result.ok) {
          EXPECT_EQ(step, 2) << "a save that was reported good is lost after call " << n;
        } else {
          EXPECT_TRUE(step == 1 || step == 2) << "call " << n;
        }
        for (const auto& name : files.list(kRun / "checkpoints")) {
          EXPECT_FALSE(name.ends_with(".partial")) << "a leftover stays";
        }
        EXPECT_TRUE(save(files, c, 2).ok) << "the step cannot be saved again after call " << n;
        EXPECT_EQ(restore(files), 2);
        if (done) break;
      }
    }
  }
}

TEST(Fault, PowerLossWhileAStepIsReplacedLosesNothing) {
  const Case c = kCases[0];
  for (long n = 1;; ++n) {
    MemoryFileSystem files;
    ASSERT_TRUE(save(files, c, 1).ok);
    files.crash_at(n);
    save(files, c, 1);
    const bool done = !files.has_failed();
    files.restart(n % 2 == 0 ? AfterCrash::kKeepAll : AfterCrash::kLoseUnsynced);
    collect_leftovers(files, kRun);
    EXPECT_EQ(restore(files), 1) << "call " << n;
    if (done) break;
  }
}

TEST(Fault, AFailingCallWhileAStepIsReplacedKeepsTheOldOne) {
  for (long n = 1;; ++n) {
    MemoryFileSystem files;
    ASSERT_TRUE(save(files, kCases[0], 1).ok);
    files.fail_at(n, EIO);
    const SaveResult result = save(files, kCases[0], 1);
    if (!files.has_failed()) break;
    EXPECT_EQ(restore(files), 1) << "call " << n << ": " << result.error;
  }
}

TEST(Fault, AReadErrorLeadsToTheOlderCheckpoint) {
  for (long n = 1;; ++n) {
    MemoryFileSystem files;
    ASSERT_TRUE(save(files, kCases[1], 1).ok);
    ASSERT_TRUE(save(files, kCases[1], 2).ok);
    files.fail_at(n, EIO);
    std::int64_t step = 0;
    try {
      step = restore(files);
    } catch (const base::Error&) {
      // The failing call was the look into the directory or the rename of the bad one: an error, no guess.
    }
    const bool done = !files.has_failed();
    if (done) {
      EXPECT_EQ(step, 2);
      break;
    }
    EXPECT_NE(step, -1) << "call " << n << ": a silent start from scratch";
    files.restart(AfterCrash::kKeepAll);
    EXPECT_GE(restore(files), 1);
  }
}

TEST(Fault, PowerLossWhilePruningKeepsWhatIsToBeKept) {
  for (long n = 1;; ++n) {
    MemoryFileSystem files;
    for (const int step : {1, 2, 3, 4}) ASSERT_TRUE(save(files, kCases[0], step).ok);
    files.crash_at(n);
    try {
      prune(files, kRun, {.keep = 2});
    } catch (const base::IoError&) {
    }
    const bool done = !files.has_failed();
    files.restart(AfterCrash::kRandom, static_cast<unsigned>(n));
    collect_leftovers(files, kRun);
    const auto steps = committed_steps(files, kRun);
    ASSERT_GE(steps.size(), 2u);
    for (const auto step : steps) {
      EXPECT_TRUE(verify(files, step_directory(kRun, step), false, 1).findings.empty()) << step << " after call " << n;
    }
    EXPECT_EQ(steps.back(), 4);
    if (done) {
      EXPECT_EQ(steps, (std::vector<std::int64_t>{3, 4}));
      break;
    }
  }
}

}  // namespace
}  // namespace trireme::checkpoint::tests
