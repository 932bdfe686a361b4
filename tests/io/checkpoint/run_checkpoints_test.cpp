#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/leftovers.hpp"
#include "io/checkpoint/run/prune.hpp"
#include "io/checkpoint/run/restore.hpp"
#include "io/checkpoint/run/verified.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "io/checkpoint/format/open_checkpoint.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::MemoryFileSystem;
using Steps = std::vector<std::int64_t>;
const std::filesystem::path kRun = "/run";

void save(MemoryFileSystem& files, std::int64_t step) {
  SingleProcess coordinator;
  const std::vector<SampleTensor> tensors = {{kParam, "a", {3}, DataType::kFloat32}};
  ASSERT_TRUE(save_sample(coordinator, files, sample_info(kRun, step), tensors, {}).ok);
}

TEST(Prune, KeepsTheNewestTheRoundTheVerifiedAndTheOneResumedFrom) {
  const Steps steps = {10, 20, 30, 40, 50, 60};
  EXPECT_EQ(steps_to_prune(steps, {}, {.keep = 2}), (Steps{10, 20, 30, 40}));
  EXPECT_EQ(steps_to_prune(steps, {}, {.keep = 0}), (Steps{10, 20, 30, 40})) << "never fewer than two";
  EXPECT_EQ(steps_to_prune(steps, {}, {.keep = 3, .keep_every = 20}), (Steps{10, 30}));
  EXPECT_EQ(steps_to_prune(steps, {}, {.keep = 2, .keep_every = 0, .resumed_from = 10}), (Steps{20, 30, 40}));
  EXPECT_EQ(steps_to_prune(steps, {10, 20, 30}, {.keep = 2}), (Steps{10, 40})) << "the two newest verified ones stay";
  EXPECT_EQ(steps_to_prune({}, {}, {}), Steps());
  EXPECT_EQ(steps_to_prune({5}, {}, {}), Steps());
}

TEST(Prune, KeepsTheOneWithTheLowestValidationLoss) {
  const Steps steps = {10, 20, 30, 40, 50, 60};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(steps_to_prune(steps, {}, {.valid_losses = {{10, 3}, {15, 1}, {20, 2}, {30, 2}, {40, 4}, {50, nan}}}),
            (Steps{10, 20, 40}))
      << "the newest among equals, and only of those that are there";
  EXPECT_EQ(steps_to_prune(steps, {}, {.valid_losses = {{10, nan}, {60, 1}}}), (Steps{10, 20, 30, 40}));
}

TEST(Prune, DeletesOldestFirstAndLeavesNoTrash) {
  MemoryFileSystem files;
  for (const int step : {8, 9, 10, 11}) save(files, step);
  EXPECT_EQ(prune(files, kRun, {.keep = 2}), (Steps{8, 9}));
  EXPECT_EQ(committed_steps(files, kRun), (Steps{10, 11}));
  EXPECT_TRUE(files.list(kRun / "checkpoints" / ".trash").empty());
}

TEST(CommittedSteps, TakesOnlyWhatACommitNames) {
  MemoryFileSystem files;
  EXPECT_TRUE(committed_steps(files, kRun).empty());
  save(files, 10);
  save(files, 9);
  for (const char* name :
       {"step_", "step_x", "step_-6", "step_07", "step_1x", ".step_3.1.t.partial", ".step_4.bad.1"}) {
    files.create_directory(kRun / "checkpoints" / name);
  }
  EXPECT_EQ(committed_steps(files, kRun), (Steps{9, 10}));
}

TEST(CommittedSteps, ALinkToNothingOrAFileIsNoEmptyRun) {
  const trireme::tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  files.create_symlink(directory.path() / "not mounted", directory.path() / "checkpoints");
  EXPECT_THROW(committed_steps(files, directory.path()), base::IoError);
  SingleProcess coordinator;
  EXPECT_THROW(restore_newest(coordinator, files, directory.path(), 1, {}, [](Reader&) {}), base::Error);
  files.remove(directory.path() / "checkpoints");
  files.replace(directory.path() / "checkpoints", "");
  EXPECT_THROW(committed_steps(files, directory.path()), base::IoError);
}

TEST(Verified, CountsOnlyWhileTheManifestIsTheSame) {
  MemoryFileSystem files;
  for (const int step : {1, 2}) {
    save(files, step);
    const auto path = step_directory(kRun, step);
    append_verified(files, path, open_manifest(files, path));
  }
  files.bytes(kRun / "checkpoints" / "VERIFIED") += "not json\n{\"step\":\"x\"}\n[]\n{\"step\":1,\"chec";
  EXPECT_EQ(verified_steps(files, kRun), (Steps{1, 2}));
  const auto path = step_directory(kRun, 2);
  append_verified(files, path, open_manifest(files, path), ReadBack::kDamaged);
  EXPECT_EQ(verified_steps(files, kRun), (Steps{1}));
  append_verified(files, path, open_manifest(files, path));
  EXPECT_EQ(verified_steps(files, kRun), (Steps{1, 2}));
  SingleProcess coordinator;
  SaveInfo info = sample_info(kRun, 2);
  info.run_id = "another";
  const std::vector<SampleTensor> tensors = {{kParam, "a", {3}, DataType::kFloat32}};
  ASSERT_TRUE(save_sample(coordinator, files, info, tensors, {}).ok);
  EXPECT_EQ(verified_steps(files, kRun), (Steps{1}));
}

TEST(Leftovers, AreDeletedAndReplacedCheckpointsPutBack) {
  MemoryFileSystem files;
  save(files, 1);
  save(files, 2);
  const auto directory = kRun / "checkpoints";
  files.create_directory(directory / ".step_3.77.abc.partial");
  files.open(directory / ".step_3.77.abc.partial" / "x", base::OpenMode::kCreate);
  files.open(directory / "LATEST.123.tmp", base::OpenMode::kCreate);
  files.create_directories(directory / ".trash" / "step_0");
  files.rename(directory / "step_2", directory / ".trash" / "step_2.token");
  files.create_directory(directory / ".step_5.bad.1");
  for (const char* name : {"metrics.jsonl", "metrics.jsonl.2", "metrics.jsonl.123.tmp", "run.ini.9.tmp", "mine.tmp"}) {
    files.open(kRun / name, base::OpenMode::kCreate);
  }
  collect_leftovers(files, kRun);
  EXPECT_EQ(files.list(directory), (std::vector<std::string>{".step_5.bad.1", "LATEST", "step_1", "step_2"}));
  EXPECT_EQ(files.list(kRun),
            (std::vector<std::string>{"checkpoints", "metrics.jsonl", "metrics.jsonl.2", "mine.tmp"}));
}

TEST(Trash, IsNeverBehindALink) {
  const trireme::tests::TemporaryDirectory place;
  base::PosixFileSystem files;
  const auto directory = place.path() / "run" / "checkpoints";
  const auto victim = place.path() / "victim";
  files.create_directories(victim / "step_2.work");
  files.create_directories(victim / "step_1");
  for (const int step : {1, 2, 3, 4}) files.create_directories(directory / base::str("step_", step));
  files.create_symlink(victim, directory / ".trash");
  collect_leftovers(files, place.path() / "run");
  EXPECT_FALSE(files.is_link(directory / ".trash"));
  files.create_symlink(victim, directory / ".trash");
  files.remove_all(directory / "step_2");
  EXPECT_EQ(prune(files, place.path() / "run", {.keep = 2}), std::vector<std::int64_t>{1});
  EXPECT_EQ(files.list(victim), (std::vector<std::string>{"step_1", "step_2.work"}));
}

TEST(Verified, IsNeverALink) {
  const trireme::tests::TemporaryDirectory place;
  base::PosixFileSystem files;
  files.create_directories(place.path() / "checkpoints");
  files.replace(place.path() / "victim", "private\n");
  files.create_symlink(place.path() / "victim", place.path() / "checkpoints" / "VERIFIED");
  EXPECT_THROW(append_verified(files, step_directory(place.path(), 1), {}), base::InputError);
  EXPECT_THROW(verified_steps(files, place.path()), base::InputError);
  EXPECT_EQ(files.read_all(place.path() / "victim"), "private\n");
}

}  // namespace
}  // namespace trireme::checkpoint::tests
