#include "launcher/runs/run_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/own_file.hpp"
#include "launcher/record/attempt_record.hpp"
#include "launcher/run_directory/submission_record.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

class RunIndexTest : public testing::Test {
 protected:
  RunIndexTest() { std::filesystem::create_directories(run() / "logs"); }

  std::filesystem::path run() const { return directory_.path() / "run"; }
  IndexedRun indexed() { return read_indexed(files_, run(), 0); }
  void write(const char* name, const std::string& text) { std::ofstream(run() / name, std::ios::binary) << text; }

  bool reads(const std::string& name, const std::string& fingerprint, const std::string& path) {
    const IndexedRun found = indexed();
    return std::ranges::any_of(found.datasets, [&](const IndexedDataset& one) {
      return one.name == name && one.fingerprint == fingerprint && one.path == path;
    });
  }

  void submit(const std::string& train) {
    SubmissionRecord record;
    record.jobs = {"12"};
    record.directory = "/home/ada";
    record.train = train;
    record.valid = "valid.h5";
    record.tree = "team";
    keep_submission(files_, run(), record);
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(RunIndexTest, ARunThatWaitsForItsFirstStartReadsWhatItsSubmissionSays) {
  submit("team:web 0.5, more.h5 0.5");
  EXPECT_TRUE(reads("team:web", "", ""));
  EXPECT_TRUE(reads("more.h5", "", "/home/ada/more.h5"));
  EXPECT_TRUE(reads("valid.h5", "", "/home/ada/valid.h5"));
  EXPECT_EQ(indexed().option("data.tree"), "/home/ada/team");
  EXPECT_FALSE(indexed().finished);
}

TEST_F(RunIndexTest, ASubmissionIsNoticedByTheCache) {
  const std::filesystem::path cache = directory_.path() / "cache";
  std::filesystem::create_directories(cache);
  EXPECT_TRUE(index_runs(files_, run(), cache).runs.at(0).datasets.empty());
  submit("team:web");
  EXPECT_EQ(index_runs(files_, run(), cache).runs.at(0).datasets.size(), 2U);
}

TEST_F(RunIndexTest, RecordRunFileAndSubmissionAllCount) {
  AttemptRecord record;
  record.attempt = 1;
  record.datasets = {{"data.train", "team:old", "/data/old.h5", "00ff", 0, 1, 1}};
  append_record(files_, run(), record);
  write("run.ini", "[data]\ntrain = team:next\n");
  submit("team:last");
  EXPECT_TRUE(reads("team:old", "00ff", "/data/old.h5"));
  EXPECT_TRUE(reads("team:next", "", ""));
  EXPECT_TRUE(reads("team:last", "", ""));
}

TEST_F(RunIndexTest, ARecordThatIsTooLongIsPassedOver) {
  AttemptRecord record;
  record.attempt = 1;
  record.datasets = {{"data.train", "team:old", "/data/old.h5", "00ff", 0, 1, 1}};
  append_record(files_, run(), record);
  std::filesystem::resize_file(run() / kRecordName, base::kLedgerLimit + 1);
  EXPECT_TRUE(indexed().datasets.empty());
}

TEST_F(RunIndexTest, OnlyKeysOfARunFileAreKept) {
  write("run.ini", "[model]\nlayers = 3\nl\xff = 4\n");
  EXPECT_EQ(indexed().options, "model.layers=3\n");
}

}  // namespace
}  // namespace trireme::launcher
