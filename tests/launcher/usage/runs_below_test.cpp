#include "launcher/usage/runs_below.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "base/error.hpp"
#include "launcher/usage/run_record.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class RunsBelow : public testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& text = "x\n") {
    const fs::path path = tree_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  }
  std::vector<std::string> names(const FoundRuns& found) {
    std::vector<std::string> list;
    for (const FoundRun& run : found.runs) list.push_back(run.path.lexically_relative(tree_).string());
    return list;
  }
  FoundRuns find() { return runs_below(files_, tree_); }

  base::PosixFileSystem files_;
  tests::TemporaryDirectory directory_;
  fs::path tree_ = directory_.path() / "group";
};

TEST_F(RunsBelow, FindsRunsAtAnyDepthAndInOthers) {
  write("runs/a/attempts.jsonl");
  write("vision/runs/b/attempts.jsonl");
  write("vision/runs/b/trials/t1/attempts.jsonl");
  write("vision/sweeps/s/sweep.jsonl");
  const FoundRuns found = find();
  EXPECT_THAT(names(found), ElementsAre("runs/a", "vision/runs/b", "vision/runs/b/trials/t1"));
  EXPECT_EQ(found.runs[0].folder, "group") << "nothing but runs/ between the tree and it";
  EXPECT_EQ(found.runs[1].folder, "vision");
  EXPECT_EQ(found.sweeps.size(), 1U);
}

TEST_F(RunsBelow, FollowsNoLinkAndLeavesCheckpointsAndHiddenOnesAlone) {
  write("a/attempts.jsonl");
  write("a/checkpoints/step_1/attempts.jsonl");
  write("a/logs/b/attempts.jsonl");
  write(".cache/c/attempts.jsonl");
  fs::create_directories(directory_.path() / "outside/d");
  std::ofstream(directory_.path() / "outside/d/attempts.jsonl") << "x\n";
  fs::create_directory_symlink(directory_.path() / "outside", tree_ / "out");
  fs::create_directory_symlink(tree_, tree_ / "a/loop");
  fs::create_symlink("nowhere", tree_ / "dangling");
  const FoundRuns found = find();
  EXPECT_THAT(names(found), ElementsAre("a"));
  EXPECT_EQ(found.links, 2U);
  EXPECT_THAT(found.unreadable, IsEmpty());
}

TEST_F(RunsBelow, TheTreeItselfMayBeALinkOrARun) {
  write("attempts.jsonl");
  fs::create_directory_symlink(tree_, directory_.path() / "link");
  EXPECT_EQ(runs_below(files_, directory_.path() / "link").runs.size(), 1U);
  EXPECT_EQ(runs_below(files_, tree_ / "").runs.at(0).folder, "group");
  EXPECT_THROW(runs_below(files_, tree_ / "none"), base::InputError);
  EXPECT_THROW(runs_below(files_, tree_ / "attempts.jsonl"), base::InputError);
}

TEST_F(RunsBelow, VeryDeepTreesEnd) {
  fs::path deep = tree_;
  for (int i = 0; i < 80; ++i) deep /= "d";
  fs::create_directories(deep);
  std::ofstream(deep / "attempts.jsonl") << "x\n";
  const FoundRuns found = find();
  EXPECT_THAT(found.runs, IsEmpty());
  EXPECT_EQ(found.unreadable.size(), 1U) << "that it was not looked into is said";
}

TEST_F(RunsBelow, BytesAreThoseOnDiskAndNotBehindLinks) {
  write("run/checkpoints/step_1/node_0/shard_0.h5", std::string(10'000, 'x'));
  write("run/checkpoints/.trash/step_0/node_0/shard_0.h5", std::string(500, 'x'));
  const fs::path sparse = write("run/checkpoints/step_1/holes", "");
  fs::resize_file(sparse, std::uintmax_t{1} << 40);
  fs::create_symlink(sparse, tree_ / "run/checkpoints/step_1/link");
  fs::create_directory_symlink(tree_, tree_ / "run/checkpoints/step_1/loop");
  EXPECT_EQ(bytes_below(tree_ / "run/checkpoints"), 10'500U);
  write("scratch/step_1/shard", "123");
  write("scratch/home/somebodys", "12345");
  fs::create_directory_symlink(tree_ / "scratch", tree_ / "linked");
  EXPECT_EQ(bytes_below(tree_ / "linked"), 3U) << "checkpoints that are a link: only steps";
  EXPECT_EQ(bytes_below(tree_ / "none"), 0U);
}

TEST_F(RunsBelow, RecordsSurviveWhatFilesHold) {
  const double now = 1'800'000'000;
  write("a/attempts.jsonl", "{\"event\":\"start\",\"attempt\":1,\"ti");
  write("a/run.ini", "[slurm]\naccount = \"physics\"\n");
  write("b/attempts.jsonl",
        "{\"event\":\"start\",\"attempt\":1,\"time\":1799999000,\"ranks\":1e300}\n"
        "{\"event\":\"start\",\"attempt\":2,\"time\":1799999000,\"ranks\":2,\"gpus\":true}\n"
        "{\"event\":\"end\",\"attempt\":2,\"time\":1799999100,\"device_seconds\":200,\"lost_seconds\":20}\n");
  write("b/run.ini", "[slurm\n");
  fs::create_directories(tree_ / "c");
  ASSERT_EQ(::mkfifo((tree_ / "c/attempts.jsonl").c_str(), 0600), 0);
  fs::create_directories(tree_ / "d/logs");
  write("e/checkpoints/step_5/shard", "12");
  write("e/run.ini", "[slurm]\naccount = \"physics\"\n");
  const auto records = read_records(files_, find().runs, now);
  ASSERT_EQ(records.size(), 3U) << "a has no whole line, d only a directory called logs";
  EXPECT_EQ(records[0].path.filename(), "b");
  EXPECT_EQ(records[0].use.impossible, 1U);
  ASSERT_EQ(records[0].use.attempts.size(), 1U);
  EXPECT_DOUBLE_EQ(records[0].use.attempts[0].time.used, 200);
  EXPECT_TRUE(records[0].gpus);
  EXPECT_EQ(records[0].account, "");
  EXPECT_NE(records[1].problem, "") << "a FIFO";
  EXPECT_EQ(records[2].checkpoints, 1U);
  EXPECT_EQ(records[2].checkpoint_bytes, 2U);
  EXPECT_EQ(records[2].account, "physics");
  EXPECT_TRUE(records[2].owner);
}

}  // namespace
}  // namespace trireme::launcher
