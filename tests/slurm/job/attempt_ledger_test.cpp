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

TEST(FailedHost, IsReadFromTheReasonThatNamesIt) {
  EXPECT_EQ(failed_on("n2"), "failed on n2: ");
  EXPECT_EQ(failed_on(""), "failed: ");
  EXPECT_EQ(failed_host(failed_on("n2") + "bus error"), "n2");
  for (const char* reason :
       {"failed: bus error", "failed on n2", "failed on a b: x", "failed on -n: x", "killed", ""}) {
    EXPECT_EQ(failed_host(reason), "") << reason;
  }
}

TEST_F(AttemptLedgerTest, HealthEventsBelongToTheirAttempt) {
  AttemptLedger ledger(files_, file());
  ledger.start({}, {});
  ledger.health({.time = 5,
                 .kind = "spike",
                 .action = kSkipped,
                 .step = 7,
                 .first_sample = 24,
                 .last_sample = 27,
                 .lost_seconds = 12.5,
                 .message = "a sentence"});
  ledger.end({.reason = "done"});
  ledger.start({}, {});
  ledger.health({.kind = "corruption", .action = "stopped", .step = 9, .to_step = 8, .rank = 3, .host = "n2"});

  const auto attempts = read_attempts(files_, file());
  ASSERT_EQ(attempts.size(), 2U);
  ASSERT_EQ(attempts[0].health.size(), 1U);
  EXPECT_EQ(attempts[0].health[0].action, kSkipped);
  EXPECT_EQ(attempts[0].health[0].last_sample, 27);
  EXPECT_EQ(rolled_back_seconds(attempts[0]), 12.5);
  EXPECT_EQ(attempts[0].health[0].message, "a sentence");
  EXPECT_EQ(attempts[0].end.reason, "done");
  EXPECT_FALSE(attempts[1].ended);
  ASSERT_EQ(attempts[1].health.size(), 1U);
  EXPECT_EQ(attempts[1].health[0].host, "n2");
  EXPECT_EQ(attempts[1].health[0].rank, 3);
  EXPECT_EQ(attempts[1].health[0].first_sample, -1);
}

TEST_F(AttemptLedgerTest, ALineOfAnEventOfLaterVersionsIsPassedOver) {
  AttemptLedger ledger(files_, file());
  ledger.start({}, {});
  files_.replace(file(), files_.read_all(file()) + R"({"event":"moved","attempt":1,"reason":"done"})" + "\n" +
                             R"({"event":"health","attempt":1,"kind":"straggler","host":"../n1"})" + "\n");
  const auto attempts = read_attempts(files_, file());
  ASSERT_EQ(attempts.size(), 1U);
  EXPECT_FALSE(attempts[0].ended);
  EXPECT_TRUE(attempts[0].health.empty());
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

Attempt trained(std::int64_t from, std::int64_t to, const std::string& reason = "done") {
  Attempt attempt;
  attempt.number = 1;
  attempt.start.first_step = from;
  attempt.start.steps = 100;
  attempt.start.time = 1000;
  attempt.ended = true;
  attempt.end = {.reason = reason, .last_step = to, .saved_step = to, .time = 1200};
  return attempt;
}

Attempt killed_silently(int number) {
  Attempt attempt;
  attempt.number = number;
  attempt.start.steps = 100;
  return attempt;
}

TEST(AttemptHistory, IsFinishedWhenTheLastAttemptDidAllStepsThatAreAskedForNow) {
  EXPECT_FALSE(is_finished({}));
  EXPECT_FALSE(is_finished({}, 0, ""));
  EXPECT_TRUE(is_finished({trained(0, 100)}));
  EXPECT_TRUE(is_finished({trained(0, 100)}, 100, ""));
  EXPECT_TRUE(is_finished({trained(0, 100)}, 80, "")) << "it went past them";
  EXPECT_FALSE(is_finished({trained(0, 100)}, 101, "")) << "more are asked for";
  EXPECT_FALSE(is_finished({trained(0, 100, "stopped by SIGTERM")}, 100, "")) << "its last validation is missing";
  EXPECT_FALSE(is_finished({trained(0, 100), killed_silently(2)}, 100, ""));
  EXPECT_TRUE(is_finished({trained(0, 50, "killed"), trained(40, 100)}, 100, ""));
}

TEST(AttemptHistory, IsFinishedEarlyByTheSameRuleOnly) {
  Attempt early = trained(0, 60, "done early: valid_loss 2.4000 reached the target 2.5");
  early.start.stop_when = "target 2.5";
  EXPECT_TRUE(is_finished({early}));
  EXPECT_TRUE(is_finished({early}, 100, "target 2.5"));
  EXPECT_TRUE(is_finished({early}, 1000, "target 2.5")) << "more steps do not undo it";
  EXPECT_FALSE(is_finished({early}, 100, "target 2")) << "a lower target is asked for";
  EXPECT_FALSE(is_finished({early}, 100, "")) << "the rule was taken out";
  EXPECT_TRUE(is_finished({early}, 60, "")) << "as many steps as it did";
  EXPECT_FALSE(is_finished({early, killed_silently(2)}, 100, "target 2.5"));
  EXPECT_FALSE(is_finished({trained(0, 60, "done early")}, 100, "")) << "not a reason that is written";
}

TEST(AttemptHistory, APauseWasAskedForAndIsNoEndOfTheRun) {
  EXPECT_TRUE(was_asked_to_end("paused at step 6"));
  EXPECT_TRUE(is_paused("paused at step 6"));
  EXPECT_FALSE(is_paused("stopped by SIGTERM"));
  EXPECT_FALSE(was_asked_to_end("done early: 2 validations without a lower valid_loss"));
  EXPECT_FALSE(is_finished({trained(0, 100, "paused at step 100")}, 100, ""));
}

TEST(AttemptHistory, NumbersAndEndsComeFromTheLastAttempt) {
  EXPECT_EQ(next_number({}), 1);
  EXPECT_EQ(next_number({trained(0, 1), killed_silently(7)}), 8);
  EXPECT_FALSE(is_last_open({}));
  EXPECT_FALSE(is_last_open({trained(0, 1)}));
  EXPECT_TRUE(is_last_open({trained(0, 1), killed_silently(2)}));
  EXPECT_EQ(end_reason(trained(0, 1)), "done");
  EXPECT_EQ(end_reason(killed_silently(1)), "killed");
  EXPECT_EQ(end_reason(killed_silently(1), "preempted"), "preempted");
}

TEST(AttemptHistory, WhatTheNewestAttemptMeasuredCounts) {
  EXPECT_EQ(last_measured({}).save, 0);
  Attempt first = trained(0, 50), second = trained(50, 60);
  first.start.start_up_seconds = 9;
  first.end.step_seconds = 2;
  first.end.save_seconds = 30;
  first.end.shards_per_node = 4;
  second.start.start_up_seconds = 8;
  second.end.step_seconds = 3;  // it ended before it saved
  const std::vector<Attempt> attempts = {first, second, killed_silently(3)};
  const MeasuredSeconds took = last_measured(attempts);
  EXPECT_EQ(took.start_up, 8);
  EXPECT_EQ(took.step, 3);
  EXPECT_EQ(took.save, 30);
  EXPECT_EQ(last_shards_per_node(attempts), 4);
  EXPECT_EQ(last_shards_per_node({second}), 0);
}

TEST(AttemptHistory, ThePaceIsThatOfTheNewestAttemptThatTrained) {
  EXPECT_FALSE(last_pace({}));
  EXPECT_FALSE(last_pace({killed_silently(1)}));
  Attempt second = trained(50, 90);
  second.start.ranks = 8;
  const auto pace = last_pace({trained(0, 50), second, trained(90, 90), killed_silently(4)});
  ASSERT_TRUE(pace);
  EXPECT_EQ(pace->seconds_per_step, 200.0 / 40);
  EXPECT_EQ(pace->ranks, 8);
  EXPECT_EQ(pace->saved_step, 90);
}

}  // namespace
}  // namespace trireme::slurm
