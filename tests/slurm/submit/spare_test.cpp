#include "slurm/submit/spare.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace trireme::slurm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = SpareDecision::Kind;

constexpr double kForever = std::numeric_limits<double>::infinity();

Partition partition(const std::string& name, std::int64_t tier, PreemptMode mode) {
  Partition made;
  made.name = name;
  made.priority_tier = tier;
  made.preempt_mode = mode;
  if (mode != PreemptMode::kOff) made.preempted_by = {"high"};
  made.time_limit = 86400;
  return made;
}

Site site_by_partition() {
  Site site;
  site.preempt_type = "preempt/partition_prio";
  site.partitions = {partition("high", 3, PreemptMode::kOff), partition("mid", 2, PreemptMode::kRequeue),
                     partition("low", 1, PreemptMode::kRequeue)};
  return site;
}

const SparePlace kLow{"low", "", 86400, std::nullopt};

SpareNeeds needs_of(std::vector<std::int64_t> sizes, std::int64_t most = 8) {
  SpareNeeds needs;
  needs.sizes = std::move(sizes);
  needs.start_up = 40;
  needs.save = 10;
  needs.requeue = 120;  // an overhead of 60 s, and 170 s a change
  needs.most_nodes = most;
  return needs;
}

// `idle` nodes i1, i2, …, and those of the spare job 9, s1, s2, ….
SpareView view_of(int idle, int ours = 0, double left = 3600) {
  SpareView view;
  auto& nodes = view.partitions["low"];
  for (int i = 1; i <= idle; ++i) nodes.push_back("i" + std::to_string(i));
  SpareJob job{.id = "9", .user = "me", .partitions = {"low"}, .nodes = ours, .seconds = left};
  for (int i = 1; i <= ours; ++i) job.hosts.push_back("s" + std::to_string(i));
  nodes.insert(nodes.end(), job.hosts.begin(), job.hosts.end());
  if (ours > 0) view.jobs.push_back(job);
  return view;
}

SpareJob waiting(std::int64_t nodes, double start, const std::string& user = "other") {
  return {.id = "20",
          .user = user,
          .partitions = {"low"},
          .nodes = nodes,
          .waits = true,
          .waits_for_nodes = true,
          .start = start,
          .seconds = 3600};
}

TEST(SparePlaces, TheLowestTierThatCanBePreemptedFirst) {
  const auto places = spare_places(site_by_partition());
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(places[0].partition, "low");
  EXPECT_EQ(places[1].partition, "mid");
}

TEST(SparePlaces, AJobThatIsCancelledDoesNotComeBackSoItComesLast) {
  Site site = site_by_partition();
  site.partitions[2].preempt_mode = PreemptMode::kCancel;
  EXPECT_EQ(spare_places(site)[0].partition, "mid");
  site.partitions[1].preempt_mode = PreemptMode::kSuspend;
  EXPECT_EQ(spare_places(site).size(), 1U) << "a suspended job keeps its memory: it is in the way";
  site.partitions[2].state = "down";
  EXPECT_THAT(spare_places(site), IsEmpty());
}

TEST(SparePlaces, WhereQosDecideTheOneThatMostOthersPreempt) {
  Site site = site_by_partition();
  site.preempt_type = "preempt/qos";
  site.partitions = {partition("all", 1, PreemptMode::kOff)};
  site.partitions[0].preempted_by = {};
  site.qos = {{"normal", {"urgent"}, PreemptMode::kRequeue, 0, std::nullopt},
              {"scavenge", {"normal", "urgent"}, PreemptMode::kRequeue, 0, 7200},
              {"urgent", {}, PreemptMode::kOff, 0, std::nullopt}};
  const auto places = spare_places(site);
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(places[0].qos, "scavenge");
  EXPECT_EQ(places[0].time_limit, 7200);
  site.partitions[0].allow_qos = {"normal"};
  EXPECT_EQ(spare_places(site).size(), 1U);
}

TEST(SparePlaces, TheLowestQosOfAPartitionFirst) {
  Site site = site_by_partition();
  site.partitions.pop_back();
  site.qos = {{"normal", {}, PreemptMode::kOff, 0, std::nullopt, 100}, {"idle", {}, PreemptMode::kOff, 0, 3600, 1}};
  auto places = spare_places(site);
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(places[0], (SparePlace{"mid", "idle", 3600, std::nullopt}));
  EXPECT_EQ(places[1], (SparePlace{"mid", "", 86400, std::nullopt})) << "not everybody may use it";
  site.qos[1].priority = 100;
  EXPECT_EQ(spare_places(site).size(), 1U) << "none is lower than another";
  site.qos[1].priority = 1;
  site.partitions[1].allow_qos = {"normal"};
  EXPECT_EQ(spare_places(site).size(), 1U);
}

TEST(SpareSlices, TheMostWorkPerSecondFirst) {
  SpareView view = view_of(4);
  view.jobs.push_back(waiting(2, 610));
  const auto slices = spare_slices(needs_of({1, 2, 4}), {kLow}, view, "me");
  ASSERT_EQ(slices.size(), 3U);
  EXPECT_EQ(slices[0].nodes, 4);
  EXPECT_EQ(slices[0].seconds, 600) << "whole minutes, before the others' start";
  EXPECT_EQ(slices[1].nodes, 2);
  EXPECT_EQ(slices[1].seconds, 86400);
}

TEST(SpareSlices, ALowerQosComesFirstThoughItAllowsLessTime) {
  const auto slices =
      spare_slices(needs_of({1, 2}), {{"low", "idle", 3600, {}}, {"low", "", 86400, {}}}, view_of(2), "me");
  ASSERT_EQ(slices.size(), 4U);
  EXPECT_EQ(slices[0].place.qos, "idle");
  EXPECT_EQ(slices[0].nodes, 2);
  EXPECT_EQ(slices[1].place.qos, "");
  EXPECT_EQ(slices[1].nodes, 2);
}

TEST(SpareSlices, AHoleThatIsNotWorthAStartIsLeftAlone) {
  SpareView view = view_of(4);
  view.jobs.push_back(waiting(3, 239));
  const auto slices = spare_slices(needs_of({1, 4}), {kLow}, view, "me");
  ASSERT_EQ(slices.size(), 1U) << "three times its overhead must be left for training";
  EXPECT_EQ(slices[0].nodes, 1);
  view.jobs[0].start = 241;
  EXPECT_EQ(spare_slices(needs_of({1, 4}), {kLow}, view, "me").size(), 2U);
}

TEST(SpareSlices, NobodyTakesMoreThanTheirShare) {
  SpareView view = view_of(8, 3);
  EXPECT_EQ(spare_slices(needs_of({1, 2, 4, 8}, 5), {kLow}, view, "me").at(0).nodes, 2);
  EXPECT_EQ(spare_slices(needs_of({1, 2, 4, 8}, 5), {kLow}, view, "somebody").at(0).nodes, 4);
  view.jobs.push_back(waiting(2, kForever, "me"));
  EXPECT_THAT(spare_slices(needs_of({1, 2, 4, 8}, 5), {kLow}, view, "me"), IsEmpty());
}

TEST(SpareSlices, AreAtMostSixAndAreAskedAboutUntilOneStarts) {
  const auto slices = spare_slices(needs_of({1, 2, 3, 4, 5, 6, 7, 8}), {kLow}, view_of(8), "me");
  ASSERT_EQ(slices.size(), kMostSlices);
  int asked = 0;
  const auto refuse = [&](const Slice&) -> std::optional<double> {
    return ++asked % 2 == 0 ? std::optional(61.0) : std::nullopt;
  };
  EXPECT_FALSE(find_slice(slices, refuse));
  EXPECT_EQ(asked, 6);
  EXPECT_EQ(find_slice(slices, [](const Slice& slice) { return std::optional(slice.nodes == 6 ? 5.0 : 90.0); })->nodes,
            6);
}

TEST(Slice, IsWordsForSbatch) {
  Slice slice{{"low", "scavenge", {}, {}}, 4, 1, 5400};
  EXPECT_THAT(slice.words(),
              ElementsAre("--partition=low", "--qos=scavenge", "--nodes=1-4", "--time=01:30:00", "--nice=10000"));
  slice.fewest = 4;
  slice.place.qos = "";
  EXPECT_THAT(slice.words(), ElementsAre("--partition=low", "--nodes=4", "--time=01:30:00", "--nice=10000"));
}

TEST(Slice, IsWordsForTheNextJob) {
  const Slice slice{{"low", "", {}, {}}, 4, 1, 5400};
  EXPECT_THAT(slice.successor_words("7", {}, 0),
              ElementsAre("--nodes=1-4", "--time=01:30:00", "--signal=B:USR1@270", "--dependency=afterany:7"));
  EXPECT_THAT(slice.successor_words("7", {"n3", "n5"}, 20),
              ElementsAre("--nodes=1-4", "--time=01:30:00", "--signal=B:USR1@70", "--dependency=afterany:7",
                          "--exclude=n3,n5"));
}

TEST(SpareWatch, DecidesNothingWhereItsPartitionIsNotSeen) {
  SpareView view = view_of(0, 4);
  view.partitions.clear();
  EXPECT_EQ(SpareWatch(needs_of({1, 2, 4}), kLow, "9", "me", 4, 60).look(view, 0, 3600).kind, Kind::kKeep);
}

TEST(WaitingSlice, IsTheSmallestForAWhile) {
  const auto slice = waiting_slice(needs_of({2, 4}), {kLow}, {}, "me");
  ASSERT_TRUE(slice);
  EXPECT_EQ(slice->nodes, 2);
  EXPECT_EQ(slice->seconds, 3600);
  EXPECT_FALSE(waiting_slice(needs_of({2, 4}, 1), {kLow}, {}, "me")) << "more than one may have";
  EXPECT_FALSE(waiting_slice(needs_of({2, 4}), {}, {}, "me"));
}

SpareWatch watch_of(std::int64_t nodes, std::int64_t most = 8) {
  return SpareWatch(needs_of({1, 2, 4, 8}, most), kLow, "9", "me", nodes, 60);
}

TEST(SpareWatch, GrowsWhenNodesStoodIdleForLongEnough) {
  SpareWatch watch = watch_of(2);
  EXPECT_EQ(watch.look(view_of(2, 2), 0, 3600).kind, Kind::kKeep);
  EXPECT_EQ(watch.look(view_of(2, 2), 120, 3480).kind, Kind::kKeep);
  const SpareDecision grown = watch.look(view_of(2, 2), 180, 3420);
  ASSERT_EQ(grown.kind, Kind::kGrow);
  EXPECT_EQ(grown.slice->nodes, 4);
  EXPECT_EQ(grown.slice->fewest, 1);
}

TEST(SpareWatch, DoesNotGrowWhileAnybodyWaitsForTheseNodes) {
  SpareWatch watch = watch_of(2);
  for (double now = 0; now < 1200; now += 60) {
    SpareView view = view_of(6, 2);
    view.partitions["other"] = {"i6", "j1"};  // it shares a node
    view.jobs.push_back(waiting(1, kForever));
    view.jobs.back().partitions = {"other"};
    EXPECT_EQ(watch.look(view, now, 7200).kind, Kind::kKeep) << now;
  }
  SpareView elsewhere = view_of(6, 2);
  elsewhere.partitions["other"] = {"j1"};
  elsewhere.jobs.push_back(waiting(1, kForever));
  elsewhere.jobs.back().partitions = {"other"};
  EXPECT_EQ(watch.look(elsewhere, 1200, 7200).kind, Kind::kKeep) << "from here on the nodes must stand idle";
  EXPECT_EQ(watch.look(elsewhere, 1380, 7200).kind, Kind::kGrow);
}

TEST(SpareWatch, NodesThatComeAndGoMakeItWait) {
  SpareWatch watch = watch_of(2);
  for (double now = 0; now < 3600; now += 120) {
    EXPECT_EQ(watch.look(view_of(2, 2), now, 7200 - now).kind, Kind::kKeep) << now;
    EXPECT_EQ(watch.look(view_of(0, 2), now + 60, 7140 - now).kind, Kind::kKeep) << now;
  }
}

TEST(SpareWatch, DoesNotGrowIntoAHoleThatIsTooShortToPay) {
  SpareWatch watch = watch_of(2);
  for (double now = 0; now < 1200; now += 60) {
    SpareView view = view_of(2, 2, 7200);
    view.jobs.push_back(
        waiting(1, 480));  // the change costs 2 nodes for 170 s; 2 more for 310 s bring less than twice that
    EXPECT_EQ(watch.look(view, now, 7200).kind, Kind::kKeep) << now;
  }
}

TEST(SpareWatch, DoesNotGrowAboveTheLimit) {
  SpareWatch watch = watch_of(2, 3);
  for (double now = 0; now < 1200; now += 60) EXPECT_EQ(watch.look(view_of(4, 2), now, 7200).kind, Kind::kKeep);
}

TEST(SpareWatch, GivesBackWhatOthersWaitFor) {
  SpareView view = view_of(0, 4);
  view.jobs.push_back(waiting(3, 3600));  // backfill expects it when our time is over
  const SpareDecision decision = watch_of(4).look(view, 0, 3600);
  ASSERT_EQ(decision.kind, Kind::kShrink);
  EXPECT_EQ(decision.slice->nodes, 1);
  view.jobs.back().nodes = 4;
  const SpareDecision all = watch_of(4).look(view, 0, 3600);
  ASSERT_EQ(all.kind, Kind::kYield);
  EXPECT_EQ(all.slice->nodes, 1);
}

TEST(SpareWatch, KeepsNodesUntilJustBeforeTheyAreNeeded) {
  // Somebody waits for our four nodes and for one that another job has for a while.
  const auto view = [](double seconds) {
    SpareView made = view_of(0, 4, 7200);
    made.partitions["low"].insert(made.partitions["low"].begin(), "other");
    made.jobs.push_back(
        {.id = "8", .user = "o", .partitions = {"low"}, .hosts = {"other"}, .nodes = 1, .seconds = seconds});
    made.jobs.push_back(waiting(5, 7200));
    return made;
  };
  EXPECT_EQ(watch_of(4).look(view(600), 0, 7200).kind, Kind::kKeep);
  EXPECT_EQ(watch_of(4).look(view(75), 0, 7200).kind, Kind::kYield);
  EXPECT_EQ(watch_of(4).look(view(75), 0, 70).kind, Kind::kKeep) << "it ends before by itself";
}

TEST(SpareWatch, GivesBackWhatItsLayoutDoesNotUseWhenOthersWait) {
  SpareView view = view_of(0, 3, 7200);  // it came back on three nodes, and computes on two
  EXPECT_EQ(watch_of(3).look(view, 0, 7200).kind, Kind::kKeep);
  view.jobs.push_back(waiting(9, kForever));
  const SpareDecision decision = watch_of(3).look(view, 0, 7200);
  ASSERT_EQ(decision.kind, Kind::kShrink);
  EXPECT_EQ(decision.slice->nodes, 2);
}

TEST(SpareWatch, TwoSpareJobsDoNotHandEachOtherOneNode) {
  SpareView view = view_of(0, 1);
  view.jobs.push_back(waiting(1, 3600, "another"));
  EXPECT_EQ(watch_of(1).look(view, 0, 3600).kind, Kind::kYield);
  view.jobs.back().nice = kSpareNice;
  EXPECT_EQ(watch_of(1).look(view, 0, 3600).kind, Kind::kKeep);
}

TEST(SpareWatch, DoesNotYieldToAJobThatCannotUseItsNodes) {
  SpareView view = view_of(1, 1);
  view.in_use = {"i1"};
  view.partitions["part"] = {"i1"};  // a node of ours, and none that this job has
  view.jobs.push_back(waiting(1, 3600));
  view.jobs.back().partitions = {"part"};
  EXPECT_EQ(watch_of(1).look(view, 0, 3600).kind, Kind::kKeep);
  view.partitions["part"] = {"i1", "s1"};
  EXPECT_EQ(watch_of(1).look(view, 0, 3600).kind, Kind::kYield);
}

// Attempt 1 on `had` nodes, whose end says `reason`.
std::vector<Attempt> one_attempt(int had, const std::string& reason) {
  std::vector<Attempt> attempts(1);
  attempts[0].number = 1;
  attempts[0].start.hosts.assign(static_cast<std::size_t>(had), "n");
  attempts[0].ended = true;
  attempts[0].end.reason = reason;
  return attempts;
}

TEST(SpareWatch, AfterYieldingInVainItKeepsItsNodesForAWhile) {
  const auto after = [](const std::string& reason, double later) {
    return change_before(one_attempt(1, reason), 2, 1, later, needs_of({1, 2, 4, 8}));
  };
  EXPECT_TRUE(after("stopped to go on with 1 node", 100).in_vain);
  EXPECT_FALSE(after("stopped to go on with 1 node", 3000).in_vain) << "somebody had the node";
  EXPECT_FALSE(after("preempted", 100).in_vain);
  SpareView view = view_of(0, 1, 7200);
  view.jobs.push_back(waiting(1, 7200));
  SpareWatch watch(needs_of({1, 2, 4, 8}), kLow, "9", "me", 1, 60, {.in_vain = true});
  EXPECT_EQ(watch.look(view, 60, 7140).kind, Kind::kKeep);
  EXPECT_EQ(watch.look(view, 1700, 5500).kind, Kind::kKeep);
  EXPECT_EQ(watch.look(view, 1800, 5400).kind, Kind::kYield);
  SpareView broken = view_of(0, 2, 7200);
  broken.unusable = {"s2"};
  SpareWatch other(needs_of({1, 2, 4, 8}), kLow, "9", "me", 2, 60, {.in_vain = true});
  EXPECT_EQ(other.look(broken, 60, 7140).kind, Kind::kKeep);
  EXPECT_EQ(other.look(broken, 120, 7080).kind, Kind::kShrink) << "a lost node is no claim";
}

TEST(SpareWatch, AfterGrowingInVainItDoesNotTryAgainForAnHour) {
  const auto after = [](std::int64_t nodes) {
    return change_before(one_attempt(2, "stopped to go on with 1 to 4 nodes"), 2, nodes, 100, needs_of({1, 2, 4, 8}));
  };
  EXPECT_TRUE(after(2).got_less);
  EXPECT_FALSE(after(4).got_less);
  SpareWatch watch(needs_of({1, 2, 4, 8}), kLow, "9", "me", 2, 60, {.got_less = true});
  for (double now = 60; now < 3600; now += 60) EXPECT_EQ(watch.look(view_of(2, 2), now, 7200).kind, Kind::kKeep) << now;
  EXPECT_EQ(watch.look(view_of(2, 2), 3660, 7200).kind, Kind::kGrow);
}

TEST(SpareWatch, AsksLessAndLessOftenForWhatSlurmRefuses) {
  SpareWatch watch = watch_of(2);
  std::vector<double> asked;
  for (double now = 0; now < 6 * 3600; now += 60) {
    if (watch.look(view_of(2, 2), now, 86400).kind != Kind::kGrow) continue;
    asked.push_back(now);
    watch.refused(now);
  }
  EXPECT_THAT(asked, ElementsAre(180, 300, 540, 1020, 1980, 3900, 7500, 11100, 14700, 18300));
}

TEST(SpareWatch, DoesNotGiveBackWhatDoesNotHelp) {
  SpareView view = view_of(2, 4, 7200);
  view.jobs.push_back(waiting(2, 3600));  // two nodes are idle: it waits for something else
  EXPECT_EQ(watch_of(4).look(view, 0, 7200).kind, Kind::kKeep);
}

TEST(SpareWatch, GoesOnWithTheNodesThatAreLeftWhenOneIsLost) {
  SpareView view = view_of(0, 4);
  view.unusable = {"s2"};
  SpareWatch watch = watch_of(4);
  EXPECT_EQ(watch.look(view, 0, 3600).kind, Kind::kKeep) << "it may have missed a ping";
  EXPECT_EQ(watch.look(view_of(0, 4), 60, 3540).kind, Kind::kKeep);
  EXPECT_EQ(watch.look(view, 120, 3480).kind, Kind::kKeep);
  const SpareDecision decision = watch.look(view, 180, 3420);
  ASSERT_EQ(decision.kind, Kind::kShrink);
  EXPECT_EQ(decision.slice->nodes, 2);
}

}  // namespace
}  // namespace trireme::slurm
