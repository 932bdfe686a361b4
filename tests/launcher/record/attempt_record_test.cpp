#include "launcher/record/attempt_record.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

AttemptRecord example(int attempt) {
  AttemptRecord record;
  record.attempt = attempt;
  record.time = 1.7e9;
  record.options = "[run]\nseed = 3\n";
  record.version = "0.1.0";
  record.commit = "0123456789ab";
  record.libraries = {{"HDF5", "1.10.8"}};
  record.datasets = {{"data.train", "team:web", "/data/web.h5", "00ff", 0.7, 4096, 1000}};
  record.tokenizer = "77";
  record.layout = "tp2";
  record.ranks = 2;
  record.ranks_per_node = 2;
  record.threads = 3;
  record.device = "cpu";
  record.cpu = {"A CPU", "avx2 fma"};
  record.first_step = 20;
  record.from = "checkpoints/step_20";
  record.init_digest = "5a";
  record.order = "9f";
  record.hosts = {"n1", "n2"};
  record.directory = "/runs/a";
  record.started_in = "/home/a";
  record.environment = {{"OMP_NUM_THREADS", "3"}};
  return record;
}

class AttemptRecordTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return directory_.path() / "record.jsonl"; }
  void write(const std::string& text) { std::ofstream(file(), std::ios::binary) << text; }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(AttemptRecordTest, TheFormatIsTheDocumentedOne) {
  EXPECT_EQ(
      base::to_line(to_json(example(2))),
      R"({"attempt":2,"time":1700000000.0,"version":"0.1.0","commit":"0123456789ab","libraries":{"HDF5":"1.10.8"},)"
      R"("layout":"tp2","ranks":2,"ranks_per_node":2,"threads":3,"device":"cpu",)"
      R"("cpu":{"model":"A CPU","flags":"avx2 fma"},"first_step":20,"from":"checkpoints/step_20","init_digest":"5a","order":"9f",)"
      R"("directory":"/runs/a","started_in":"/home/a","hosts":["n1","n2"],"tokenizer":"77",)"
      R"("datasets":[{"key":"data.train","name":"team:web","path":"/data/web.h5","weight":0.69999999999999996,)"
      R"("bytes":4096,"tokens":1000,"fingerprint":"00ff"}],"environment":{"OMP_NUM_THREADS":"3"},)"
      R"("options":"[run]\nseed = 3\n"})");
}

TEST_F(AttemptRecordTest, WhatWasWrittenIsReadBack) {
  append_record(files_, directory_.path(), example(1));
  append_record(files_, directory_.path(), example(2));
  const auto records = read_attempt_records(files_, directory_.path());
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(to_json(records[1]), to_json(example(2)));
}

TEST_F(AttemptRecordTest, ATornLastLineIsPassedOverAndCutByTheNextAttempt) {
  append_record(files_, directory_.path(), example(1));
  const std::string whole = files_.read_all(file());
  write(whole + whole.substr(0, whole.size() / 2));
  EXPECT_EQ(read_attempt_records(files_, directory_.path()).size(), 1U);
  append_record(files_, directory_.path(), example(2));
  EXPECT_EQ(files_.read_all(file()), whole + base::to_line(to_json(example(2))) + '\n');
}

TEST_F(AttemptRecordTest, OfTwoRecordsOfOneAttemptTheLaterOneCounts) {
  AttemptRecord again = example(1);
  again.threads = 8;
  for (const AttemptRecord& record : {example(1), again, example(2)}) append_record(files_, directory_.path(), record);
  const auto records = read_attempt_records(files_, directory_.path());
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].threads, 8);
}

TEST_F(AttemptRecordTest, HostileLinesAreNoRecords) {
  const std::string good = base::to_line(to_json(example(5)));
  write(
      "{\"attempt\":0}\n[1]\nnull\n{\"attempt\":\"1\"}\n{\"attempt\":1,\"ranks\":-4}\n{\"attempt\":1,\"ranks\":1e99}\n"
      "{\"attempt\":1,\"hosts\":7}\n{\"attempt\":1,\"datasets\":[3]}\n{\"attempt\":1,\"cpu\":[]}\n"
      "{\"attempt\":1,\"first_step\":-9}\n{\"attempt\":99999999999}\n" +
      good + "\n");
  const auto records = read_attempt_records(files_, directory_.path());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].attempt, 5);
}

TEST_F(AttemptRecordTest, ALinkInItsPlaceIsNotFollowed) {
  const auto target = directory_.path() / "secret";
  std::ofstream(target) << "mine\n";
  std::filesystem::create_symlink(target, file());
  EXPECT_THROW(append_record(files_, directory_.path(), example(1)), base::InputError);
  EXPECT_THROW(read_attempt_records(files_, directory_.path()), base::InputError);
  EXPECT_EQ(files_.read_all(target), "mine\n");
}

TEST_F(AttemptRecordTest, AVariableThatMayNotBeRecordedIsNotReadEither) {
  base::Json line = to_json(example(1));
  line["environment"]["LD_PRELOAD"] = "/tmp/x.so";
  write(base::to_line(line) + "\n");
  EXPECT_EQ(read_attempt_records(files_, directory_.path()).at(0).environment, example(1).environment);
}

}  // namespace
}  // namespace trireme::launcher
