#include "slurm/job/time_limit.hpp"

#include <gtest/gtest.h>

#include <map>

namespace trireme::slurm {
namespace {

Lookup environment(std::map<std::string, std::string> variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

RunCommand no_command() {
  return [](const std::vector<std::string>&) -> std::optional<CommandResult> {
    ADD_FAILURE() << "no command was needed";
    return std::nullopt;
  };
}

RunCommand squeue_says(const std::string& text, int code = 0) {
  return [=](const std::vector<std::string>& words) {
    EXPECT_EQ(words.front(), "squeue");
    EXPECT_EQ(words.back(), "--jobs=77");
    return CommandResult{code, text, ""};
  };
}

TEST(TimeLimit, ComesFromTheEnvironmentWhereSlurmSetsIt) {
  EXPECT_EQ(find_job_end(environment({{"SLURM_JOB_ID", "77"}, {"SLURM_JOB_END_TIME", "1700000600"}}), no_command(), 5),
            1700000600.0);
}

TEST(TimeLimit, OutsideAJobThereIsNone) { EXPECT_EQ(find_job_end(environment({}), no_command(), 5), std::nullopt); }

TEST(TimeLimit, OlderSlurmIsAskedForTheTimeLeft) {
  const Lookup job = environment({{"SLURM_JOB_ID", "77"}});
  EXPECT_EQ(find_job_end(job, squeue_says("1:30\n"), 1000), 1090.0);
  EXPECT_EQ(find_job_end(job, squeue_says("1-02:00:00\n"), 1000), 1000.0 + 26 * 3600);
  EXPECT_EQ(find_job_end(job, squeue_says("UNLIMITED\n"), 1000), std::nullopt);
  EXPECT_EQ(find_job_end(job, squeue_says("INVALID\n"), 1000), std::nullopt);
  EXPECT_EQ(find_job_end(job, squeue_says(""), 1000), std::nullopt);
  EXPECT_EQ(find_job_end(job, squeue_says("1:30\n", 1), 1000), std::nullopt);
  EXPECT_EQ(find_job_end(
                job, [](const auto&) { return std::nullopt; }, 1000),
            std::nullopt);
}

TEST(TimeLimit, AnUnreadableEndTimeIsAskedFor) {
  for (const char* text : {"", "soon", "0", "-3", "17x"}) {
    EXPECT_EQ(find_job_end(environment({{"SLURM_JOB_ID", "77"}, {"SLURM_JOB_END_TIME", text}}), squeue_says("2:00"), 0),
              120.0)
        << text;
  }
}

TEST(TimeLimit, StopsWhenOneStepAndOneSaveNoLongerFit) {
  TimeBudget budget(1000.0, 0.0, 5.0);
  budget.step_took(20.0);
  budget.step_took(3.0);
  budget.save_took(40.0);
  EXPECT_EQ(budget.needed(), 20.0 + 40.0 + TimeBudget::kMargin);
  EXPECT_FALSE(budget.must_stop(1000.0 - budget.needed()));
  EXPECT_TRUE(budget.must_stop(1000.0 - budget.needed() + 0.1));
  EXPECT_TRUE(budget.must_stop(2000.0));
}

TEST(TimeLimit, WithoutALimitNeverStops) { EXPECT_FALSE(TimeBudget(std::nullopt, 1e9, 1e9).must_stop(1e12)); }

TEST(TimeLimit, BeforeTheFirstStepTheEarlierAttemptCounts) {
  TimeBudget budget(100.0, 60.0, 35.0);
  EXPECT_FALSE(budget.save_measured());
  EXPECT_TRUE(budget.must_stop(0.0));
  budget.step_took(1.0);
  EXPECT_FALSE(budget.must_stop(0.0));
}

TEST(TimeLimit, ASlowFirstStepIsForgotten) {
  TimeBudget budget(1000.0, 0.0, 0.0);
  budget.step_took(500.0);
  for (std::size_t i = 0; i < TimeBudget::kRecentSteps; ++i) {
    EXPECT_EQ(budget.longest_step(), 500.0);
    budget.step_took(1.0);
  }
  EXPECT_EQ(budget.longest_step(), 1.0);
}

TEST(TimeLimit, ASaveIsEstimatedFromBytesAndNodes) {
  EXPECT_EQ(estimated_save_seconds(0, 1), 2.0);
  EXPECT_EQ(estimated_save_seconds(200e9, 1), 1002.0);
  EXPECT_EQ(estimated_save_seconds(200e9, 10), 102.0);
  EXPECT_EQ(estimated_save_seconds(200e6, 0), 3.0);
}

}  // namespace
}  // namespace trireme::slurm
