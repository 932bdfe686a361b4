// Saves that go on beside the training: what is saved is what was there when the save began.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "io/checkpoint/tools/verify.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/counting_allocator.hpp"
#include "tests/support/forwarding_file_system.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::CountingAllocator;
using trireme::tests::MemoryFileSystem;
using trireme::tests::TemporaryDirectory;
using trireme::tests::ThreadCoordinator;
using trireme::tests::ThreadGroup;

/// A state that changes from step to step, as weights do.
struct Training {
  /// Keeps its own copy of `of`: the memory and the boxes point into it.
  Training(std::vector<SampleTensor> of, const Layout& layout, int rank) : tensors(std::move(of)) {
    for (const auto& [t, box] : boxes_of(tensors, layout, rank)) {
      memory.push_back(make_memory(tensors[t], box, tensors[t].dtype));
    }
    for (auto& m : memory) {
      boxes.push_back({m.tensor->slot, m.tensor->name, m.tensor->shape, m.tensor->dtype, m.box, m.data()});
    }
  }
  void set(std::int64_t step) {
    for (auto& m : memory) fill(m, step);
  }

  Training(const Training&) = delete;

  const std::vector<SampleTensor> tensors;
  std::vector<BoxMemory> memory;
  std::vector<StoredBox> boxes;
};

/// One rank: its two coordinators, used by two threads.
struct Rank {
  ThreadCoordinator& planning;
  ThreadCoordinator& draining;
};

void run_training_ranks(int ranks, int nodes, const std::function<void(Rank)>& body) {
  ThreadGroup draining(ranks, nodes);
  trireme::tests::run_ranks(ranks, nodes, [&](Coordinator& planning) {
    ThreadCoordinator mine(draining, planning.rank());
    body({static_cast<ThreadCoordinator&>(planning), mine});
  });
}

std::int64_t wrong_after_load(base::FileSystem& files, const std::filesystem::path& step_directory,
                              const std::vector<SampleTensor>& tensors, std::int64_t step) {
  SingleProcess alone;
  const auto reader = Reader::open(alone, files, step_directory);
  return load_sample(*reader, alone, tensors, {}, DataType::kFloat32, step);
}

/// The operating system's files, but every new file waits until the gate is open.
class GatedFileSystem final : public trireme::tests::ForwardingFileSystem {
 public:
  void open_gate() { gate_.count_down(); }

  std::unique_ptr<base::File> open(const Path& path, base::OpenMode mode) override {
    if (mode == base::OpenMode::kCreateExclusive) gate_.wait();
    return ForwardingFileSystem::open(path, mode);
  }

 private:
  std::latch gate_{1};
};

TEST(AsyncSave, WhatIsSavedIsWhatWasThereWhateverThePoolHolds) {
  const auto tensors = sample_tensors();
  for (const Layout layout : {Layout{1, 1, 1, false}, Layout{2, 2, 1, true}, Layout{1, 3, 1, false}}) {
    for (const std::uint64_t pool : {std::uint64_t{0}, std::uint64_t{16384}, std::uint64_t{1} << 30}) {
      base::PosixFileSystem files;
      TemporaryDirectory directory;
      run_training_ranks(layout.ranks(), 1, [&](Rank rank) {
        const HostStateMemory memory;
        CountingAllocator host;
        Writer writer(rank.planning, files, AsyncParts{rank.draining, memory, pool, host.function()});
        Training training(tensors, layout, rank.planning.rank());
        for (std::int64_t step = 1; step <= 3; ++step) {
          training.set(step);
          writer.start(sample_info(directory.path(), step), training.boxes);
          writer.wait_for_snapshot();
          training.set(step + 100);  // the optimizer
          const SaveResult result = writer.finish();
          ASSERT_TRUE(result.ok) << result.error;
          EXPECT_EQ(result.step, step);
        }
        EXPECT_LE(host.most_in_use(), pool);
      });
      for (std::int64_t step = 1; step <= 3; ++step) {
        EXPECT_EQ(wrong_after_load(files, directory.path() / base::str("checkpoints/step_", step), tensors, step), 0)
            << "pool of " << pool;
      }
    }
  }
}

TEST(AsyncSave, MemoryThatWasReservedIsAllThatTheSavesTake) {
  const auto tensors = sample_tensors();
  const Layout layout{2, 2, 1, true};
  for (const std::uint64_t pool : {std::uint64_t{0}, std::uint64_t{16384}, std::uint64_t{1} << 30}) {
    MemoryFileSystem files;
    run_training_ranks(layout.ranks(), 1, [&](Rank rank) {
      const HostStateMemory memory;
      CountingAllocator host;
      Writer writer(rank.planning, files, AsyncParts{rank.draining, memory, pool, host.function()});
      Training training(tensors, layout, rank.planning.rank());
      writer.reserve(training.boxes, sample_info("/run", 1).shards_per_node);
      const auto reserved = host.asked();
      EXPECT_EQ(reserved.empty(), pool == 0) << "before the first save";
      for (std::int64_t step = 1; step <= 2; ++step) {
        training.set(step);
        writer.start(sample_info("/run", step), training.boxes);
        writer.wait_for_snapshot();
        const SaveResult result = writer.finish();
        EXPECT_TRUE(result.ok) << result.error;
      }
      EXPECT_EQ(host.asked(), reserved) << "a save took more";
      EXPECT_LE(host.most_in_use(), pool);
    });
  }
}

TEST(AsyncSave, WithRoomInThePoolTheTrainingDoesNotWaitForTheDisk) {
  const auto tensors = sample_tensors();
  GatedFileSystem files;
  TemporaryDirectory directory;
  run_training_ranks(2, 1, [&](Rank rank) {
    const HostStateMemory memory;
    Writer writer(rank.planning, files, AsyncParts{rank.draining, memory, 1 << 20});
    Training training(tensors, {2, 1, 1, false}, rank.planning.rank());
    training.set(7);
    writer.start(sample_info(directory.path(), 7), training.boxes);
    writer.wait_for_snapshot();  // returns though no file can be made yet
    EXPECT_FALSE(writer.finished());
    training.set(8);
    rank.planning.barrier();  // both ranks got here before anything was written
    if (rank.planning.rank() == 0) files.open_gate();
    EXPECT_TRUE(writer.finish().ok);
  });
  EXPECT_EQ(wrong_after_load(files, directory.path() / "checkpoints/step_7", tensors, 7), 0);
}

TEST(AsyncSave, AFailureIsToldWhenTheSaveIsFinishedAndTheNextSaveIsGood) {
  const auto tensors = sample_tensors();
  MemoryFileSystem files;
  run_training_ranks(2, 1, [&](Rank rank) {
    const HostStateMemory memory;
    Writer writer(rank.planning, files, AsyncParts{rank.draining, memory, 1 << 20});
    Training training(tensors, {1, 2, 1, false}, rank.planning.rank());
    training.set(1);
    if (rank.planning.rank() == 0) files.fail_at(12, ENOSPC);
    rank.planning.barrier();
    writer.start(sample_info("/run", 1), training.boxes);
    writer.wait_for_snapshot();
    const SaveResult failed = writer.finish();
    EXPECT_FALSE(failed.ok);
    EXPECT_NE(failed.error.find("cannot save step 1"), std::string::npos) << failed.error;
    training.set(2);
    writer.start(sample_info("/run", 2), training.boxes);
    writer.wait_for_snapshot();
    EXPECT_TRUE(writer.finish().ok);
  });
  EXPECT_EQ(wrong_after_load(files, "/run/checkpoints/step_2", tensors, 2), 0);
}

TEST(AsyncSave, NoMemoryOnOneRankFailsTheSaveOnAll) {
  const auto tensors = sample_tensors();
  MemoryFileSystem files;
  run_training_ranks(3, 1, [&](Rank rank) {
    const HostStateMemory memory;
    bool lacking = rank.planning.rank() == 1;
    const AllocateHost allocate = [&lacking](std::size_t bytes) {
      if (lacking) throw base::Error("no pinned memory");
      return allocate_huge(bytes);
    };
    Writer writer(rank.planning, files, AsyncParts{rank.draining, memory, 1 << 20, allocate});
    Training training(tensors, {1, 3, 1, false}, rank.planning.rank());
    training.set(1);
    writer.start(sample_info("/run", 1), training.boxes);
    writer.wait_for_snapshot();
    const SaveResult failed = writer.finish();
    EXPECT_FALSE(failed.ok);
    EXPECT_NE(failed.error.find("rank 1: no pinned memory"), std::string::npos) << failed.error;
    lacking = false;
    writer.start(sample_info("/run", 2), training.boxes);
    writer.wait_for_snapshot();
    EXPECT_TRUE(writer.finish().ok);
  });
}

/// One rank whose network fails.
class BrokenNetwork final : public Coordinator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int node() const override { return 0; }
  int nodes() const override { return 1; }
  std::string all_ok(bool, const std::string&) override { fail(); }
  std::string broadcast_from(int, std::string) override { fail(); }
  std::vector<std::string> gather(std::string) override { fail(); }
  std::vector<std::string> all_gather(std::string) override { fail(); }
  std::vector<std::string> exchange(std::vector<std::string>) override { fail(); }
  void barrier() override { fail(); }

 private:
  [[noreturn]] static void fail() { throw base::Error("the network is gone"); }
};

TEST(AsyncSave, ARankWhoseSaveBreaksOffSaysSoBeforeItIsAsked) {
  MemoryFileSystem files;
  SingleProcess planning;
  BrokenNetwork draining;
  const HostStateMemory memory;
  Writer writer(planning, files, AsyncParts{draining, memory, 1 << 20});
  Training training(sample_tensors(), {1, 1, 1, false}, 0);
  training.set(1);
  writer.start(sample_info("/run", 1), training.boxes);
  while (!writer.finished()) std::this_thread::yield();
  EXPECT_TRUE(writer.broke_off());
  EXPECT_THROW(writer.finish(), base::Error);
  EXPECT_FALSE(writer.broke_off());
}

TEST(AsyncSave, OtherBoxesThanLastTimeArePlannedAgain) {
  const auto tensors = sample_tensors();
  base::PosixFileSystem files;
  TemporaryDirectory directory;
  run_training_ranks(4, 2, [&](Rank rank) {
    const HostStateMemory memory;
    Writer writer(rank.planning, files, AsyncParts{rank.draining, memory, 1 << 20});
    std::int64_t step = 0;
    for (const Layout layout : {Layout{4, 1, 1, false}, Layout{2, 2, 1, true}, Layout{1, 1, 4, false}}) {
      Training training(tensors, layout, rank.planning.rank());
      training.set(++step);
      const SaveResult result = writer.save(sample_info(directory.path(), step), training.boxes);
      EXPECT_TRUE(result.ok) << result.error;
    }
  });
  for (std::int64_t step = 1; step <= 3; ++step) {
    const auto path = directory.path() / base::str("checkpoints/step_", step);
    EXPECT_EQ(wrong_after_load(files, path, tensors, step), 0);
    EXPECT_TRUE(verify(files, path, ShardCheck::kDeep, 1).findings.empty());
  }
}

}  // namespace
}  // namespace trireme::checkpoint::tests
