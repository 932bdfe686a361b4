#include "launcher/repeat/history.hpp"

#include <gtest/gtest.h>

#include "launcher/options/run_options.hpp"

namespace trireme::launcher {
namespace {

AttemptRecord attempt(int number, std::int64_t first_step, const options::Overrides& overrides = {}) {
  AttemptRecord record;
  record.attempt = number;
  record.first_step = first_step;
  record.options = options::to_ini(options::parse_run_options("[train]\nsteps = 100\n", "test", overrides));
  record.version = "0.1.0";
  record.datasets = {{"data.train", "a.h5", "/a.h5", "f1", 0, 1, 1}};
  return record;
}

TEST(Stretches, StepsThatALaterAttemptDidAgainAreItsOwn) {
  // The second attempt was killed before it saved, so the third one did its steps again.
  const std::vector<AttemptRecord> records = {attempt(1, 0), attempt(2, 20), attempt(3, 20), attempt(4, 50)};
  const auto stretches = stretches_of(records, 0);
  ASSERT_EQ(stretches.size(), 3U);
  EXPECT_EQ(stretches[0].last, 20);
  EXPECT_EQ(stretches[1].record, 2U);
  EXPECT_EQ(stretches[1].after, 20);
  EXPECT_EQ(stretches[1].last, 50);
  EXPECT_EQ(stretches[2].last, kLastStep);
  EXPECT_EQ(first_that_counts(records), 0U);
  EXPECT_EQ(first_that_counts({attempt(1, 0), attempt(2, 0), attempt(3, 5)}), 1U);
  EXPECT_EQ(comparable_steps(stretches).bits, kLastStep);
}

TEST(Stretches, ALayoutRoundsAndALearningRateChanges) {
  const std::vector<AttemptRecord> records = {attempt(1, 0), attempt(2, 20, {{"parallel.tp", "2"}}),
                                              attempt(3, 50, {{"optimizer.lr", "1"}}), attempt(4, 60)};
  const auto stretches = stretches_of(records, 0);
  const Comparable comparable = comparable_steps(stretches);
  EXPECT_EQ(comparable.bits, 20);
  EXPECT_EQ(comparable.rounding, 50);
  const auto text = history_text(records, stretches);
  ASSERT_EQ(text.size(), 2U);
  EXPECT_NE(text[0].find("after step 20 (attempt 2): parallel.tp 1 -> 2: from there losses agree only to rounding"),
            std::string::npos)
      << text[0];
  EXPECT_NE(text[1].find("optimizer.lr 0.0003 -> 1"), std::string::npos) << text[1];
}

TEST(Differences, OtherNodesRound) {
  AttemptRecord before = attempt(1, 0), after = attempt(2, 0);
  before.hosts = {"n1"};
  before.ranks_per_node = 2;
  after.hosts = {"n1", "n2"};
  const Differences found = differences_between(before, after);
  EXPECT_EQ(found.rounding, (std::vector<std::string>{"ranks of a node 2 -> 1", "nodes 1 -> 2"}));
  EXPECT_TRUE(found.losses.empty());
}

TEST(Differences, LookingAtRanksChangesNoLoss) {
  EXPECT_TRUE(differences_between(attempt(1, 0), attempt(2, 0,
                                                         {{"train.straggler_every", "3"},
                                                          {"train.straggler_factor", "3"},
                                                          {"train.straggler_seconds", "3"},
                                                          {"train.compare_replicas_every", "3"},
                                                          {"log.tensorboard", "true"}}))
                  .none());
}

TEST(Differences, WhatIsSavedLoggedOrQueuedIsNoDifference) {
  const AttemptRecord before = attempt(1, 0);
  EXPECT_TRUE(
      differences_between(
          before,
          attempt(2, 0,
                  {{"checkpoint.keep", "9"}, {"run.dir", "b"}, {"log.valid_every_steps", "3"}, {"slurm.nodes", "4"}}))
          .none());
  AttemptRecord other = attempt(2, 0);
  other.datasets[0].path = "/moved.h5";
  EXPECT_TRUE(differences_between(before, other).none());
  other.datasets[0].fingerprint = "f2";
  EXPECT_EQ(differences_between(before, other).losses.size(), 1U);
  AttemptRecord newer = attempt(2, 0);
  newer.commit = "abc";
  newer.cpu.flags = "avx2";
  newer.libraries["HDF5"] = "1.14";
  newer.environment = {{"MKL_CBWR", "AVX2"}, {"SLURM_JOB_ID", "12"}};
  EXPECT_EQ(differences_between(before, newer).rounding.size(), 4U);
}

}  // namespace
}  // namespace trireme::launcher
