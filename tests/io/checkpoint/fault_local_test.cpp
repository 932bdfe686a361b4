// Saves to the nodes' own disks that fail, and machines that lose power in them, at every single call of every rank.
#include <gtest/gtest.h>

#include <memory>

#include "io/checkpoint/run/leftovers.hpp"
#include "io/checkpoint/run/local_checkpoints.hpp"
#include "io/checkpoint/run/restore.hpp"
#include "tests/io/checkpoint/fault_sweep.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/node_files.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::NodeFiles;
using trireme::tests::run_ranks;
using Path = std::filesystem::path;

const Path kLocal = "/local/run";
const Path kShared = "/run";
/// As few as show that no node may delete a step before all have the next: of two, either has everything.
constexpr int kNodes = 3;

std::vector<SampleTensor> tensors() {
  return {{kParam, "a", {4, 6}, DataType::kFloat32}, {kAdamM, "b", {3}, DataType::kFloat32}};
}

NodeFiles view(MemoryFileSystem& files, int node) { return NodeFiles(files, base::str("/node_", node)); }

SaveResult save(MemoryFileSystem& files, const Layout& layout, std::int64_t step) {
  std::vector<int> order;
  for (int rank = 0; rank < layout.ranks(); ++rank) order.push_back(rank);
  SaveInfo info = sample_info(kLocal, step);
  info.node_local = true;
  info.latest = false;
  SaveResult result;
  const auto body = [&](Coordinator& coordinator) {
    NodeFiles mine = view(files, coordinator.node());
    const SaveResult saved = save_sample(coordinator, mine, info, tensors(), layout);
    if (coordinator.rank() == 0) result = saved;
  };
  run_ranks(layout.ranks(), kNodes, body, order);
  return result;
}

/// On all nodes; -1 when nothing is there. All values are checked.
std::int64_t restore(MemoryFileSystem& files) {
  std::int64_t step = -1;
  run_ranks(kNodes, kNodes, [&](Coordinator& coordinator) {
    NodeFiles mine = view(files, coordinator.node());
    collect_leftovers(mine, kLocal);
    coordinator.barrier();
    const auto found = restore_newest(
        coordinator, mine, kShared, 2, {},
        [&](Reader& reader) {
          const auto saved = reader.manifest().step;
          EXPECT_EQ(load_sample(reader, coordinator, tensors(), {3, 1, 1, false}, DataType::kFloat32, saved), 0);
        },
        LocalSearch{kLocal, {"sample", "local", 1000}});
    if (coordinator.rank() == 0) step = found.value_or(-1);
  });
  return step;
}

void expect_steps_alone(MemoryFileSystem& files) {
  for (int node = 0; node < kNodes; ++node) {
    for (const std::string& name : view(files, node).list(kLocal / "checkpoints")) {
      EXPECT_TRUE(name.starts_with("step_")) << name << " stays on node " << node;
    }
  }
}

void expect_save_survives(const std::string& name, const Layout& layout) {
  Sweep sweep;
  sweep.name = name;
  sweep.prepare = [&](MemoryFileSystem& files) {
    for (int node = 0; node < kNodes; ++node) view(files, node).create_directories(kLocal);
    ASSERT_TRUE(save(files, layout, 1).ok);
  };
  sweep.act = [&](MemoryFileSystem& files) {
    const SaveResult result = save(files, layout, 2);
    if (!result.ok) {
      EXPECT_EQ(result.error.find("cannot save step 2: "), 0u) << result.error;
    }
    return result.ok;
  };
  sweep.check = [&](MemoryFileSystem& files, bool good, const NamedFault&) {
    const auto step = restore(files);
    if (good) {
      EXPECT_EQ(step, 2) << "a save that was reported good is lost";
    } else {
      EXPECT_TRUE(step == 1 || step == 2) << step;
    }
    const SaveResult again = save(files, layout, 3);
    EXPECT_TRUE(again.ok) << again.error;
    expect_steps_alone(files);
    EXPECT_EQ(restore(files), 3);
  };
  sweep.least_calls = 50;
  run_sweep(sweep);
}

TEST(FaultLocal, SaveOfThreeRanksOnThreeNodes) { expect_save_survives("local, 3 ranks", {1, 3, 1, true}); }

}  // namespace
}  // namespace trireme::checkpoint::tests
