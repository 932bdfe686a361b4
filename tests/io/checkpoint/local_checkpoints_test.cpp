// Checkpoints on the nodes' own disks: what survives when nodes are lost, and what is taken at a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "base/error.hpp"
#include "io/checkpoint/load/load_units.hpp"
#include "io/checkpoint/run/local_checkpoints.hpp"
#include "io/checkpoint/run/restore.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/node_files.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::NodeFiles;
using trireme::tests::run_ranks;
using trireme::tests::TemporaryDirectory;
using Path = std::filesystem::path;

const Path kLocal = "/local/run";
const Layout kLayout{2, 2, 2, true};
constexpr int kNodes = 4;

/// A node's disk that can be full.
class NodeDisk final : public NodeFiles {
 public:
  explicit NodeDisk(Path local) : NodeFiles(posix(), std::move(local)) {}

  /// New files and directories with this in their path are refused from now on; "" = none.
  void refuse(std::string part) { refused_ = std::move(part); }

  std::unique_ptr<base::File> open(const Path& path, base::OpenMode mode) override {
    if (mode == base::OpenMode::kCreateExclusive) check(path);
    return NodeFiles::open(path, mode);
  }
  void create_directory(const Path& path) override {
    check(path);
    NodeFiles::create_directory(path);
  }

 private:
  static base::FileSystem& posix() {
    static base::PosixFileSystem files;
    return files;
  }
  void check(const Path& path) const {
    if (refused_.empty() || path.string().find(refused_) == std::string::npos) return;
    throw base::IoError(base::str("cannot make ", path.string(), ": No space left on device"), ENOSPC);
  }

  std::string refused_;
};

class LocalCheckpoints : public testing::Test {
 protected:
  LocalCheckpoints() {
    for (int node = 0; node < kNodes; ++node) {
      disks_.push_back(std::make_unique<NodeDisk>(disk_path(node)));
      std::filesystem::create_directories(disk_path(node) / "run");
    }
    shared_ = directory_.path() / "shared";
    disks_[0]->create_directories(shared_);
  }

  /// By two ranks on each node.
  SaveResult save(std::int64_t step, bool local = true) {
    SaveInfo info = sample_info(local ? kLocal : shared_, step);
    info.node_local = local;
    info.latest = !local;
    SaveResult result;
    run_ranks(2 * kNodes, kNodes, [&](Coordinator& coordinator) {
      const SaveResult mine = save_sample(coordinator, disk(coordinator), info, sample_tensors(), kLayout);
      if (coordinator.rank() == 0) result = mine;
    });
    return result;
  }

  void lose(int node) {
    std::filesystem::remove_all(disk_path(node));
    std::filesystem::create_directories(disk_path(node) / "run");
  }

  /// Overwrites the middle of what `node` has of a shard of `owner`, in step 20.
  void damage(int node, int owner, int shard) {
    const Path path = disk_path(node) / base::str("run/checkpoints/step_20/node_", owner, "/shard_", shard, ".h5");
    base::PosixFileSystem files;
    const auto file = files.open(path, base::OpenMode::kReadWrite);
    const std::string noise(static_cast<std::size_t>(file->size() / 2), '!');
    file->pwrite(noise.data(), noise.size(), file->size() / 4);
  }

  /// The step that `ranks` on these nodes go on from, 0 = none; its values must be right.
  std::int64_t restore(const std::vector<int>& nodes, const Layout& layout,
                       const LocalRules& rules = {"sample", "local", 1000}) {
    std::int64_t step = 0;
    run_ranks(layout.ranks(), static_cast<int>(nodes.size()), [&](Coordinator& coordinator) {
      NodeDisk& files = *disks_[static_cast<std::size_t>(nodes[static_cast<std::size_t>(coordinator.node())])];
      const auto found = restore_newest(
          coordinator, files, shared_, 2, {},
          [&](Reader& reader) {
            EXPECT_EQ(
                load_sample(reader, coordinator, sample_tensors(), layout, DataType::kFloat32, reader.manifest().step),
                0);
          },
          LocalSearch{kLocal, rules});
      if (coordinator.rank() == 0) step = found.value_or(0);
    });
    return step;
  }

  Path disk_path(int node) const { return directory_.path() / base::str("disk_", node); }
  NodeDisk& disk(Coordinator& coordinator) { return *disks_[static_cast<std::size_t>(coordinator.node())]; }

  TemporaryDirectory directory_;
  Path shared_;
  std::vector<std::unique_ptr<NodeDisk>> disks_;
};

TEST_F(LocalCheckpoints, EachNodeHasItsShardsAndThoseOfTheNodeBefore) {
  ASSERT_TRUE(save(10).ok);
  for (int node = 0; node < kNodes; ++node) {
    const Path step = kLocal / "checkpoints/step_10";
    EXPECT_THAT(disks_[static_cast<std::size_t>(node)]->list(step),
                testing::UnorderedElementsAre("BOXES.bin", "MANIFEST.json", base::str("node_", node),
                                              base::str("node_", (node + kNodes - 1) % kNodes)));
  }
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout), 10);
}

TEST_F(LocalCheckpoints, AnyLostNodeIsMadeUpForInAnyLayout) {
  ASSERT_TRUE(save(10).ok);
  for (int lost = 0; lost < kNodes; ++lost) {
    std::vector<int> left;
    for (int node = kNodes - 1; node >= 0; --node) {  // in another order than when it was saved
      if (node != lost) left.push_back(node);
    }
    for (const Layout& layout : {Layout{1, 3, 1, true}, Layout{3, 1, 2, false}, Layout{1, 1, 3, false}}) {
      EXPECT_EQ(restore(left, layout), 10) << "without node " << lost;
    }
  }
}

TEST_F(LocalCheckpoints, ReplacedNodeIsServedByTheOthers) {
  ASSERT_TRUE(save(10).ok);
  lose(2);
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout), 10);
  EXPECT_EQ(restore({2, 0, 1, 3}, kLayout), 10);  // rank 0 sees nothing
}

TEST_F(LocalCheckpoints, TwoNeighboursLostFallBackToTheSharedOne) {
  ASSERT_TRUE(save(10, false).ok);
  ASSERT_TRUE(save(20).ok);
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout), 20);
  EXPECT_EQ(restore({0, 2}, Layout{2, 1, 1, false}), 20);  // no neighbours
  EXPECT_EQ(restore({0, 3}, Layout{2, 1, 1, false}), 10);
  run_ranks(2, 2, [&](Coordinator& coordinator) {
    NodeDisk& files = *disks_[coordinator.node() == 0 ? 0 : 3];
    const auto found = find_local_checkpoints(coordinator, files, {kLocal, {"sample", "local", 20}});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].missing, "node_1/shard_0.h5");
  });
}

TEST_F(LocalCheckpoints, TheNewestWinsWhereverItIs) {
  ASSERT_TRUE(save(10, false).ok);
  ASSERT_TRUE(save(20).ok);
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout), 20);
  ASSERT_TRUE(save(30, false).ok);
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout), 30);
}

TEST_F(LocalCheckpoints, OfAnotherRunOrJobOrALaterStepThanLoggedAreNotTaken) {
  ASSERT_TRUE(save(10, false).ok);
  ASSERT_TRUE(save(20).ok);
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout, {"another", "local", 1000}), 10);
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout, {"sample", "4711", 1000}), 10);
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout, {"sample", "", 1000}), 20);
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout, {"sample", "local", 19}), 10);
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout, {"sample", "local", 20}), 20);
}

TEST_F(LocalCheckpoints, TheStepBeforeIsDeletedOnceAllNodesHaveTheNewOne) {
  ASSERT_TRUE(save(10).ok);
  ASSERT_TRUE(save(20).ok);
  for (const auto& disk : disks_) EXPECT_THAT(disk->list(kLocal / "checkpoints"), testing::ElementsAre("step_20"));
}

TEST_F(LocalCheckpoints, FullDiskOfOneNodeFailsTheSaveAndKeepsTheStepBefore) {
  ASSERT_TRUE(save(10).ok);
  for (int full = 0; full < kNodes; ++full) {
    const std::string before = base::str("node_", (full + kNodes - 1) % kNodes);
    const std::vector<std::string> parts = {".partial",  "/" + before,   before + "/shard_0.h5", before + "/shard_1.h5",
                                            "BOXES.bin", "MANIFEST.json"};
    for (const std::string& part : parts) {
      disks_[static_cast<std::size_t>(full)]->refuse(part);
      const SaveResult result = save(20);
      EXPECT_FALSE(result.ok) << part;
      EXPECT_THAT(result.error, testing::HasSubstr("No space left")) << part;
      disks_[static_cast<std::size_t>(full)]->refuse("");
      EXPECT_EQ(restore({0, 1, 2, 3}, kLayout), 10) << part;
      for (const auto& disk : disks_) {
        EXPECT_THAT(disk->list(kLocal / "checkpoints"), testing::ElementsAre("step_10")) << part;
      }
    }
  }
  EXPECT_TRUE(save(20).ok);
}

TEST_F(LocalCheckpoints, DamagedShardIsReplacedByItsCopy) {
  ASSERT_TRUE(save(10, false).ok);
  ASSERT_TRUE(save(20).ok);
  for (int node = 0; node < kNodes; ++node) damage(node, node, 0);  // each node's own first shard
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout), 20);
  EXPECT_EQ(restore({3, 1, 0, 2}, {1, 4, 1, false}), 20);
  damage(2, 1, 1);  // node 2's copy of another shard
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout), 20);
}

TEST_F(LocalCheckpoints, DamageOfAllCopiesGivesWayToTheSharedOne) {
  ASSERT_TRUE(save(10, false).ok);
  ASSERT_TRUE(save(20).ok);
  damage(1, 1, 0);
  damage(2, 1, 0);
  EXPECT_EQ(restore({0, 1, 2, 3}, kLayout), 10);
}

TEST_F(LocalCheckpoints, AloneOnOneNodeThereIsNoCopy) {
  run_ranks(2, 1, [&](Coordinator& coordinator) {
    SaveInfo info = sample_info(kLocal, 10);
    info.node_local = true;
    EXPECT_TRUE(save_sample(coordinator, disk(coordinator), info, sample_tensors(), {2, 1, 1, false}).ok);
  });
  EXPECT_EQ(restore({0}, Layout{1, 2, 1, true}), 10);
}

TEST(AssignReaders, TakesWhoWantsAndElseWhoSees) {
  BoxTable table;
  table.tensors.push_back({kParam, "a", {4}, DataType::kFloat32});
  for (std::uint32_t file = 0; file < 2; ++file) {
    table.boxes.push_back({0, file, {{2 * file}, {2}}, 0, {0}});
  }
  const Boxes all = {{{0}, {4}}};
  const std::map<Unit, std::vector<Request>> request = {{{0, 0}, {{0, all}, {1, all}}}, {{1, 0}, {{0, all}, {1, all}}}};
  const auto assigned = assign_readers(table, request, {3, {{1, 2}, {2}}}, 0);
  EXPECT_EQ(assigned[0].size(), 0U);
  ASSERT_EQ(assigned[1].size(), 1U);
  EXPECT_EQ(assigned[1][0].unit, (Unit{0, 0}));
  ASSERT_EQ(assigned[2].size(), 1U);
  EXPECT_EQ(assigned[2][0].unit, (Unit{1, 0}));
}

}  // namespace
}  // namespace trireme::checkpoint::tests
