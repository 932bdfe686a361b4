#include "launcher/submission/spare_choice.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using slurm::CommandResult;
using slurm::JobRequest;
using testing::ElementsAre;

slurm::Partition partition(const std::string& name, slurm::PreemptMode mode) {
  slurm::Partition made;
  made.name = name;
  made.nodes = 4;
  made.cpus_per_node = 8;
  made.memory_per_node = 1000;
  made.preempt_mode = mode;
  if (mode != slurm::PreemptMode::kOff) made.preempted_by = {"high"};
  return made;
}

/// A cluster of four nodes: n1 to n3 are idle.
struct Queue {
  slurm::Site site;
  std::vector<std::string> asked;
  std::string config;
  std::string jobs =
      "7|other|high|PENDING|3|1:00:00|1:00:00|N/A|normal|0||Resources\n"
      "6|other|high|RUNNING|1|30:00|1:00:00|2026-11-30T12:00:00|normal|0|n4|None\n";

  Queue() {
    site.preempt_type = "preempt/partition_prio";
    site.partitions = {partition("high", slurm::PreemptMode::kOff), partition("low", slurm::PreemptMode::kRequeue)};
  }
  slurm::RunCommand run() {
    return [this](const std::vector<std::string>& words) -> std::optional<CommandResult> {
      if (words[0] == "scontrol") return CommandResult{0, config, ""};
      const bool nodes = std::ranges::find(words, "sinfo") != words.end();
      asked.push_back(nodes ? "sinfo" : "squeue");
      return CommandResult{0, nodes ? "low|idle|n[1-3]\nlow|allocated|n4\nhigh|idle|n[1-3]\nhigh|allocated|n4\n" : jobs,
                           ""};
    };
  }
};

SpareRun run_of(std::int64_t nodes) {
  SpareRun run;
  run.request.nodes = nodes;
  run.request.ranks_per_node = 2;
  run.request.time = "7-00:00:00";
  run.request.extra = "--comment=x";
  run.layout.global_batch = 8;
  run.user = "me";
  return run;
}

TEST(ChooseSpare, TakesTheLargestSizeThatLeavesNoRankIdle) {
  Queue queue;
  queue.jobs = "";
  std::vector<std::int64_t> sizes;
  const auto choice = choose_spare(run_of(4), queue.site, queue.run(), 0, [&](const JobRequest& request) {
    sizes.push_back(request.nodes);
    return StartAnswer{0.0};
  });
  EXPECT_THAT(queue.asked, ElementsAre("sinfo", "squeue"));
  EXPECT_THAT(sizes, ElementsAre(2)) << "of 3 idle nodes: 6 ranks do not divide a batch of 8";
  EXPECT_TRUE(choice.starts_now);
  EXPECT_EQ(choice.questions, 3U);
  const JobRequest request = spare_request(run_of(4).request, choice.slice);
  EXPECT_EQ(request.partition, "low");
  EXPECT_EQ(request.nodes, 2);
  EXPECT_EQ(request.min_nodes, 1);
  EXPECT_EQ(request.time, "1-00:00:00") << "the run file's time is that of an ordinary job";
  EXPECT_EQ(request.extra, "--comment=x --nice=10000 --exclusive");
}

TEST(ChooseSpare, WaitsForAHoleWhenNothingIsIdleForLongEnough) {
  Queue queue;
  queue.jobs = "7|other|high|PENDING|3|1:00:00|1:00:00|N/A|normal|0||Resources\n";
  int questions = 0;
  const auto choice = choose_spare(run_of(4), queue.site, queue.run(), 0, [&](const JobRequest& request) {
    ++questions;
    EXPECT_EQ(request.nodes, 1);
    return StartAnswer{0.0};
  });
  EXPECT_EQ(questions, 1) << "whether Slurm takes it there at all";
  EXPECT_FALSE(choice.starts_now);
  EXPECT_EQ(choice.slice.nodes, 1);
}

TEST(ChooseSpare, WaitsOnlyWhereSlurmTakesTheJob) {
  Queue queue;
  queue.site.partitions.push_back(partition("guest", slurm::PreemptMode::kRequeue));
  queue.site.partitions.back().priority_tier = 2;
  queue.jobs = "7|other|high|PENDING|3|1:00:00|1:00:00|N/A|normal|0||Resources\n";
  const auto only_guest = [](const JobRequest& request) {
    return request.partition == "guest" ? StartAnswer{4000.0} : StartAnswer{{}, "User's group not permitted"};
  };
  EXPECT_EQ(choose_spare(run_of(4), queue.site, queue.run(), 0, only_guest).slice.place.partition, "guest");
  const auto nowhere = [](const JobRequest&) { return StartAnswer{{}, "User's group not permitted"}; };
  try {
    choose_spare(run_of(4), queue.site, queue.run(), 0, nowhere);
    FAIL();
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("User's group not permitted"));
  }
}

TEST(ChooseSpare, TakesNoFewerNodesThanTheRunFileAllows) {
  Queue queue;
  queue.jobs = "";
  SpareRun run = run_of(4);
  run.request.min_nodes = 2;
  const auto start = [](const JobRequest&) { return StartAnswer{0.0}; };
  EXPECT_EQ(choose_spare(run, queue.site, queue.run(), 0, start).slice.fewest, 2);
  EXPECT_EQ(smallest_spare(run, queue.site).nodes, 2);
  EXPECT_THAT(spare_needs(run.layout, 2, 3, 4, {}).sizes, ElementsAre(4));
}

TEST(ChooseSpare, GrowsToWhatThePartitionGivesOneJob) {
  Queue queue;
  queue.jobs = "";
  const auto start = [](const JobRequest&) { return StartAnswer{0.0}; };
  EXPECT_EQ(choose_spare(run_of(4), queue.site, queue.run(), 0, start).most_nodes, 4);
  queue.site.partitions.back().max_nodes = 2;
  EXPECT_EQ(choose_spare(run_of(4), queue.site, queue.run(), 0, start).most_nodes, 2);
}

TEST(MeasuredSoFar, CountsAJobThatMadeNoStepAsItsStartUp) {
  std::vector<slurm::Attempt> attempts(2);
  attempts[0].start.start_up_seconds = 20;
  attempts[0].end.save_seconds = 7;
  attempts[1].start.time = 1000;
  EXPECT_EQ(measured_so_far(attempts, 1300).start_up, 300);
  EXPECT_EQ(measured_so_far(attempts, 1300).save, 7);
  attempts[1].end.last_step = 5;
  EXPECT_EQ(measured_so_far(attempts, 1300).start_up, 20);
  EXPECT_EQ(measured_so_far({}, 1300).start_up, 0);
}

TEST(NextSlice, IsTheBestOneWhenTheJobsTimeIsOver) {
  Queue queue;
  const auto needs = spare_needs(run_of(4).layout, 2, 0, 4, {});
  const slurm::SparePlace place{"low", "", 3600, 4};
  const auto slice = [&] { return next_slice(needs, place, "9", "me", queue.run(), 0); };
  queue.jobs = "9|me|low|RUNNING|1|0:10|1:00:00|2026-11-30T12:00:00|normal|0|n4|None\n";
  ASSERT_TRUE(slice());
  EXPECT_EQ(slice()->nodes, 4) << "its own node and the three that are idle";
  EXPECT_EQ(slice()->fewest, 1);
  EXPECT_EQ(slice()->seconds, 3600);
  queue.config = "PrivateData = jobs\n";
  EXPECT_EQ(slice()->nodes, 1) << "nobody sees who waits";
  queue.config = "";
  queue.jobs += "8|other|low|PENDING|9|1:00:00|1:00:00|N/A|normal|0||Priority\n";
  EXPECT_EQ(slice()->nodes, 1) << "somebody waits";
  queue.jobs = "";
  EXPECT_FALSE(slice()) << "Slurm does not know the job";
}

TEST(NextSlice, IsShortEnoughToStartBeforeAReservation) {
  Queue queue;
  queue.jobs = "9|me|low|RUNNING|1|0:10|1:00:00|2026-11-30T12:00:00|normal|10000|n4|None\n";
  const auto needs = spare_needs(run_of(4).layout, 2, 0, 4, {});
  const auto slice = [&](std::int64_t longest) {
    const auto ask = [longest](const slurm::Slice& one) {
      return std::optional(one.seconds <= longest ? 30.0 : 90000.0);
    };
    return next_slice(needs, {"low", "", 86400, 4}, "9", "me", queue.run(), 0, ask)->seconds;
  };
  EXPECT_EQ(slice(86400), 86400);
  EXPECT_EQ(slice(30000), 21600);
  EXPECT_EQ(slice(60), 86400) << "nothing that is worth a start does: it waits";
}

TEST(ChooseSpare, ChecksTheRunWhereItWillRunAndNotWhereItsFileSays) {
  Queue queue;
  SpareRun run = run_of(64);
  run.request.partition = "gone";
  run.request.qos = "x";
  const JobRequest smallest = smallest_spare(run, queue.site);
  EXPECT_EQ(smallest.partition, "low");
  EXPECT_EQ(smallest.qos, "");
  EXPECT_EQ(smallest.time, "");
  EXPECT_EQ(smallest.nodes, 1);
}

TEST(ChooseSpare, IsRefusedWhereItWouldBeInOthersWay) {
  Queue queue;
  queue.site.partitions.pop_back();
  const auto never = [](const JobRequest&) { return StartAnswer{}; };
  EXPECT_THROW(choose_spare(run_of(4), queue.site, queue.run(), 0, never), base::InputError);
  Queue other;
  SpareRun wide = run_of(1);
  wide.layout.tp = 8;
  EXPECT_THROW(choose_spare(wide, other.site, other.run(), 0, never), base::InputError);
  const auto silent = [](const auto&) { return std::optional<CommandResult>(); };
  EXPECT_THROW(choose_spare(run_of(4), other.site, silent, 0, never), base::Error);
}

}  // namespace
}  // namespace trireme::launcher
