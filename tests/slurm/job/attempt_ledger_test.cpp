#include "slurm/job/attempt_ledger.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::slurm {
namespace {

class AttemptLedgerTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return directory_.path() / "attempts.jsonl"; }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(AttemptLedgerTest, NumbersAttemptsAndReadsThemBack) {
  AttemptLedger ledger(files_, file());
  EXPECT_EQ(ledger.start({.reason = "first start", .layout = "tp2", .hosts = {"n1"}, .ranks = 2}, {}), 1);
  ledger.end({.reason = "stopped by SIGTERM", .last_step = 7, .saved_step = 7, .shards_per_node = 4});
  AttemptLedger again(files_, file());
  EXPECT_EQ(again.start({.reason = "resumed", .first_step = 7}, {}), 2);

  const auto attempts = read_attempts(files_, file());
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].start.layout, "tp2");
  EXPECT_EQ(attempts[0].end.reason, "stopped by SIGTERM");
  EXPECT_EQ(attempts[0].end.shards_per_node, 4);
  EXPECT_FALSE(attempts[1].ended);
}

TEST_F(AttemptLedgerTest, TheNextAttemptWritesTheMissingEnd) {
  AttemptLedger(files_, file()).start({.reason = "first start"}, {});
  AttemptLedger(files_, file()).start({.reason = "resumed"}, {.reason = "killed", .last_step = 12, .saved_step = 10});
  const auto attempts = read_attempts(files_, file());
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_TRUE(attempts[0].ended);
  EXPECT_EQ(attempts[0].end.reason, "killed");
  EXPECT_EQ(attempts[0].end.saved_step, 10);
}

TEST_F(AttemptLedgerTest, ADamagedLineCostsNoOther) {
  for (int i = 0; i < 3; ++i) {
    AttemptLedger ledger(files_, file());
    ledger.start({}, {});
    ledger.end({});
  }
  const std::string whole = files_.read_all(file());
  const std::size_t third = whole.find('\n', whole.find('\n') + 1) + 1;
  const std::string strange = R"({"event":"start","attempt":-5}
{"event":"start","attempt":99999999999}
{"event":"start","attempt":"7"}
{"event":"end","attempt":3,"last_step":"many"}
[]
)";
  std::string damaged = whole + strange;
  damaged[third] = 'X';  // the start of the second attempt
  files_.replace(file(), damaged);
  const auto attempts = read_attempts(files_, file());
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].number, 1);
  EXPECT_EQ(attempts[1].number, 3);
  EXPECT_TRUE(attempts[1].ended);
  AttemptLedger ledger(files_, file());
  EXPECT_EQ(ledger.start({}, {}), 4);
  EXPECT_TRUE(files_.read_all(file()).starts_with(damaged));
}

TEST_F(AttemptLedgerTest, ATornLastLineIsDroppedByReadersAndRepairedByTheNextAttempt) {
  AttemptLedger(files_, file()).start({.reason = "first start"}, {});
  const std::string whole = files_.read_all(file());
  for (std::size_t torn = 1; torn + 1 < whole.size(); torn += 5) {
    files_.replace(file(), whole + whole.substr(0, torn));
    EXPECT_EQ(read_attempts(files_, file()).size(), 1U);
    AttemptLedger ledger(files_, file());
    EXPECT_EQ(files_.read_all(file()), whole);
  }
}

TEST_F(AttemptLedgerTest, ALinkIsNeitherReadNorAppendedTo) {
  files_.replace(directory_.path() / "victim", "export PATH\n");
  files_.create_symlink(directory_.path() / "victim", file());
  EXPECT_THROW(AttemptLedger(files_, file()), base::InputError);
  EXPECT_THROW(read_attempts(files_, file()), base::InputError);
  EXPECT_EQ(files_.read_all(directory_.path() / "victim"), "export PATH\n");
}

TEST_F(AttemptLedgerTest, ARunIdThatIsAPathIsNobodysAndHostsThatAreOptionsAreLeftOut) {
  files_.replace(file(), R"({"event":"start","attempt":1,"run_id":"x/../../home"}
{"event":"start","attempt":2,"run_id":"1f-2a","hosts":["n1","--help","a/b"]}
)");
  const auto attempts = read_attempts(files_, file());
  ASSERT_EQ(attempts.size(), 1U);
  EXPECT_EQ(attempts[0].start.run_id, "1f-2a");
  EXPECT_EQ(attempts[0].start.hosts, std::vector<std::string>{"n1"});
}

TEST_F(AttemptLedgerTest, AHugeLineIsPassedOver) {
  const std::string start = R"({"event":"start","attempt":1})";
  files_.replace(file(), std::string(3 << 20, ' ') + start + "\n" + start + "\n" + std::string(3 << 20, 'x'));
  EXPECT_EQ(AttemptLedger(files_, file()).attempts().size(), 1U);
  EXPECT_EQ(files_.open(file(), base::OpenMode::kRead)->size(), (3u << 20) + 2 * start.size() + 2);
}

}  // namespace
}  // namespace trireme::slurm
