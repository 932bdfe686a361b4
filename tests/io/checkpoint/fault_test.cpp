// Saves on disks that fail and machines that lose power, at every single call of every rank.
#include <gtest/gtest.h>

#include <algorithm>

#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/leftovers.hpp"
#include "io/checkpoint/run/restore.hpp"
#include "io/checkpoint/tools/verify.hpp"
#include "tests/io/checkpoint/fault_sweep.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::run_ranks;
using Steps = std::vector<std::int64_t>;

const std::filesystem::path kRun = "/run";
const std::filesystem::path kDirectory = kRun / "checkpoints";

struct Case {
  std::string name;
  Layout layout;
  int nodes = 1;
  int shards_per_node = 8;
  bool last_rank_first = false;
  bool large = false;  ///< boxes that go past the page cache
};

std::vector<SampleTensor> tensors_of(const Case& c) {
  if (c.large) {
    return {{kParam, "a", {263, 1000}, DataType::kFloat32}, {kParam, "b", {3}, DataType::kFloat32}};
  }
  return {{kParam, "a", {4, 6}, DataType::kFloat32},
          {kAdamM, "a", {4, 6}, DataType::kFloat32},
          {kParam, "b", {3}, DataType::kFloat32}};
}

SaveResult save(MemoryFileSystem& files, const Case& c, std::int64_t step) {
  std::vector<int> order;
  for (int rank = 0; rank < c.layout.ranks(); ++rank) order.push_back(rank);
  if (c.last_rank_first) std::reverse(order.begin(), order.end());
  SaveResult result;
  const auto body = [&](Coordinator& coordinator) {
    SaveInfo info = sample_info(kRun, step);
    info.shards_per_node = c.shards_per_node;
    const auto mine = save_sample(coordinator, files, info, tensors_of(c), c.layout);
    if (coordinator.rank() == 0) result = mine;
  };
  run_ranks(c.layout.ranks(), c.nodes, body, order);
  return result;
}

/// Restores in another layout; the step that came back, having checked every value. -1 when nothing is there.
std::int64_t restore(MemoryFileSystem& files, const Case& c) {
  std::int64_t step = -1;
  run_ranks(2, 1, [&](Coordinator& coordinator) {
    const auto restored = restore_newest(coordinator, files, kRun, 2, {}, [&](Reader& reader) {
      const auto saved = reader.manifest().step;
      EXPECT_EQ(load_sample(reader, coordinator, tensors_of(c), {2, 1, 1, false}, DataType::kFloat32, saved), 0);
    });
    if (coordinator.rank() == 0) step = restored.value_or(-1);
  });
  return step;
}

/// What carries a checkpoint's name is whole to the last bit; all else is what collect_leftovers() knows.
void expect_only_whole_checkpoints_and_leftovers(MemoryFileSystem& files) {
  if (!files.is_directory(kDirectory)) return;
  for (const auto& name : files.list(kDirectory)) {
    const bool known = name == "LATEST" || name == ".trash" || name.starts_with("step_") ||
                       name.ends_with(".partial") || (name.starts_with("LATEST.") && name.ends_with(".tmp"));
    EXPECT_TRUE(known) << name;
  }
  for (const auto step : committed_steps(files, kRun)) {
    EXPECT_TRUE(verify(files, step_directory(kRun, step), ShardCheck::kBytes, 1).findings.empty()) << "step " << step;
  }
}

/// The hint for people is one of the two steps, never a torn word.
void expect_latest_is_whole(MemoryFileSystem& files, std::int64_t before) {
  if (!files.exists(kDirectory / "LATEST")) return;
  const std::string text = files.read_all(kDirectory / "LATEST");
  EXPECT_TRUE(text == "step_2\n" || text == base::str("step_", before, "\n")) << text;
}

/// As a start of the run does.
void expect_no_leftovers(MemoryFileSystem& files) {
  collect_leftovers(files, kRun);
  if (!files.is_directory(kDirectory)) return;
  for (const auto& name : files.list(kDirectory)) {
    EXPECT_TRUE(name == "LATEST" || name.starts_with("step_")) << name << " stays";
  }
}

/// Step 2 is saved after step `before` (2: it replaces itself; 0: it is the first).
void expect_save_survives(const Case& c, std::int64_t before, bool reserves = true) {
  Sweep sweep;
  sweep.name = c.name;
  sweep.prepare = [&](MemoryFileSystem& files) {
    files.set_reserves(reserves);
    if (before > 0) {
      ASSERT_TRUE(save(files, c, before).ok);
    }
  };
  sweep.act = [&](MemoryFileSystem& files) {
    const SaveResult result = save(files, c, 2);
    if (result.ok && files.has_failed()) {
      EXPECT_FALSE(result.warning.empty()) << "a failure is not told";
    }
    if (!result.ok) {
      EXPECT_EQ(result.error.find("cannot save step 2: "), 0u) << result.error;
    }
    return result.ok;
  };
  sweep.check = [&, next = std::int64_t{2}](MemoryFileSystem& files, bool good, const NamedFault& fault) mutable {
    expect_only_whole_checkpoints_and_leftovers(files);
    expect_latest_is_whole(files, before);
    if (fault.passes() && before > 0) {
      EXPECT_EQ(std::ranges::count(committed_steps(files, kRun), before), 1) << "not put back at once";
    }
    MemoryFileSystem started(files);
    expect_no_leftovers(started);
    const auto step = restore(started, c);
    if (good) {
      EXPECT_EQ(step, 2) << "a save that was reported good is lost";
    } else {
      EXPECT_TRUE(step == 2 || step == (before == 0 ? -1 : before)) << step;
    }
    // The run goes on, after a crash as a new start: it saves this step again, or the next one.
    next = next == 2 ? 3 : 2;
    MemoryFileSystem& later = fault.is_crash() ? started : files;
    const SaveResult again = save(later, c, next);
    EXPECT_TRUE(again.ok) << again.error;
    EXPECT_EQ(again.warning, "");
    expect_no_leftovers(later);
    expect_only_whole_checkpoints_and_leftovers(later);
    EXPECT_EQ(restore(later, c), next);
    EXPECT_TRUE(before == 0 || committed_steps(later, kRun)[0] == before);
  };
  sweep.least_calls = 25;
  sweep.random_crashes = before == 2 ? 8 : 1;  // several names change there between two fsyncs of a directory
  run_sweep(sweep);
}

TEST(Fault, SaveOfOneRank) { expect_save_survives({"1 rank", {1, 1, 1, false}}, 1); }
TEST(Fault, SaveOfTwoRanksOnOneNode) { expect_save_survives({"2 ranks, 1 node", {2, 1, 1, false}}, 1); }
TEST(Fault, SaveOfTwoRanksInOneShard) {
  expect_save_survives({"2 ranks, 1 shard", {1, 2, 1, true}, 1, 1}, 1);
  expect_save_survives({"2 ranks, 1 shard, last rank first", {1, 2, 1, true}, 1, 1, true}, 1);
}
TEST(Fault, SaveOfTwoRanksOnTwoNodes) { expect_save_survives({"2 ranks, 2 nodes", {1, 2, 1, true}, 2}, 1); }
TEST(Fault, SaveOfFourRanksOnOneNode) { expect_save_survives({"4 ranks, 1 node", {2, 2, 1, true}, 1, 2}, 1); }
TEST(Fault, SaveOfFourRanksOnTwoNodes) { expect_save_survives({"4 ranks, 2 nodes", {1, 4, 1, true}, 2}, 1); }
TEST(Fault, SaveOfFourRanksInTwoShards) { expect_save_survives({"4 ranks, 2 shards", {1, 2, 2, true}, 2, 1}, 1); }
TEST(Fault, SavePastThePageCache) { expect_save_survives({"large boxes", {1, 1, 1, false}, 1, 8, false, true}, 1); }
TEST(Fault, FirstSaveOfARun) { expect_save_survives({"first save", {1, 2, 1, true}, 1}, 0); }
TEST(Fault, SaveThatReplacesItsStep) { expect_save_survives({"replacing save", {1, 2, 1, true}, 1}, 2); }
TEST(Fault, SaveWhereNoSpaceCanBeReserved) { expect_save_survives({"no reservation", {1, 2, 1, true}, 1}, 1, false); }

}  // namespace
}  // namespace trireme::checkpoint::tests
