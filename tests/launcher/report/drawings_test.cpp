// Spans of the timeline, the pipeline's timing, layouts, and a sweep's costs: what the drawings of a report show.
#include <gtest/gtest.h>

#include <map>

#include "launcher/report/layouts.hpp"
#include "launcher/report/pipeline_timing.hpp"
#include "launcher/report/sweep_json.hpp"
#include "launcher/report/timeline.hpp"

namespace trireme::launcher {
namespace {

slurm::Attempt attempt(int number, double begin, double start_up, double end, const std::string& job = "7") {
  slurm::Attempt made;
  made.number = number;
  made.start.job_id = job;
  made.start.ranks = 2;
  made.start.time = begin + start_up;
  made.start.start_up_seconds = start_up;
  made.ended = true;
  made.end.time = end;
  made.end.reason = "killed";
  return made;
}

std::string words(const std::vector<Span>& spans) {
  std::string text;
  for (const Span& span : spans) {
    text += std::string(name_of(span.kind)) + " " + std::to_string(static_cast<int>(span.begin)) + "-" +
            std::to_string(static_cast<int>(span.end)) + "; ";
  }
  return text;
}

TEST(Timeline, ShowsQueueStartRunAndLoss) {
  RunFacts facts;
  facts.submission.time = 1000;
  facts.attempts = {attempt(1, 1100, 10, 1200), attempt(2, 1250, 10, 1400)};
  facts.attempts[0].end.device_seconds = 200;
  facts.attempts[0].end.lost_seconds = 2 * (10 + 30);  // starting up, and 30 s that no checkpoint holds
  facts.attempts[0].end.last_step = 7;
  EXPECT_EQ(words(spans_of(facts, 2000)),
            "queued 1000-1100; starting 1100-1110; running 1110-1170; lost 1170-1200; queued 1200-1250; "
            "starting 1250-1260; running 1260-1400; ");
}

TEST(Timeline, WhatARollBackUndidLiesBeforeIt) {
  RunFacts facts;
  facts.attempts = {attempt(1, 100, 10, 1000)};
  facts.attempts[0].health.resize(2);
  facts.attempts[0].health[0].time = 600;  // not in the order of time
  facts.attempts[0].health[0].lost_seconds = 2 * 50;
  facts.attempts[0].health[1].time = 300;
  facts.attempts[0].health[1].lost_seconds = 2 * 20;
  facts.attempts[0].end.lost_seconds = 2 * (10 + 50 + 20 + 30);
  facts.attempts[0].end.last_step = facts.attempts[0].end.saved_step = 40;
  const std::string before =
      "starting 100-110; running 110-280; lost 280-300; running 300-550; lost 550-600; running 600-";
  EXPECT_EQ(words(spans_of(facts, 2000)), before + "1000; ") << "all steps are saved";
  facts.attempts[0].end.last_step = 50;
  EXPECT_EQ(words(spans_of(facts, 2000)), before + "970; lost 970-1000; ");
  facts.attempts[0].health[0].time = 1e12;
  facts.attempts[0].health[1].lost_seconds = 1e300;
  for (const Span& span : spans_of(facts, 2000)) EXPECT_TRUE(span.begin < span.end && span.end <= 1000);
}

TEST(Timeline, WithoutAJobNothingWaits) {
  RunFacts facts;
  facts.attempts = {attempt(1, 100, 0, 200, ""), attempt(2, 250, 0, 300, "")};
  EXPECT_EQ(words(spans_of(facts, 900)), "running 100-200; idle 200-250; running 250-300; ");
}

TEST(Timeline, ASubmissionAfterTheLastAttemptWaits) {
  RunFacts facts;
  facts.attempts = {attempt(1, 100, 0, 200)};
  facts.submission.time = 300;
  EXPECT_EQ(words(spans_of(facts, 400)), "running 100-200; queued 300-400; ");
}

TEST(Timeline, AnAttemptThatRunsEndsNow) {
  RunFacts facts;
  facts.alive = true;
  facts.attempts = {attempt(1, 100, 5, 0)};
  facts.attempts[0].ended = false;
  EXPECT_EQ(words(spans_of(facts, 400)), "starting 100-105; running 105-400; ");
  EXPECT_EQ(timeline_json(facts, {}, 400).at("attempts").at(0).at("how"), "running");
}

TEST(Timeline, ImpossibleTimesDrawNothingImpossible) {
  RunFacts facts;
  facts.attempts = {attempt(1, 100, 1e300, 50), attempt(2, -5, 0, 1e308), attempt(3, 10, 1, 20)};
  for (const Span& span : spans_of(facts, 400)) EXPECT_LT(span.begin, span.end);
}

TEST(Timeline, OfVeryManyAttemptsTheNewestAreShown) {
  RunFacts facts;
  for (int i = 1; i <= 1000; ++i) facts.attempts.push_back(attempt(i, 100 * i, 1, 100 * i + 50));
  const auto json = timeline_json(facts, {}, 1e6);
  EXPECT_EQ(json.at("attempt_count"), 1000);
  EXPECT_EQ(json.at("attempts").size(), kMostAttempts);
  EXPECT_EQ(json.at("attempts").back().at("attempt"), 1000);
  EXPECT_EQ(json.at("spans").front().at("attempt"), 701);
}

TEST(Timeline, NamesArePrintable) {
  RunFacts facts;
  facts.attempts = {attempt(1, 100, 0, 200, "")};
  facts.attempts[0].start.layout = "tp2\x1b[2J";
  facts.attempts[0].health.push_back({.time = 150,
                                      .kind = "spike",
                                      .action = "skipped",
                                      .message = "a\xE2\x80\xAE"
                                                 "b"});
  const auto json = timeline_json(facts, {{150, 2}}, 900);
  EXPECT_EQ(json.at("attempts").at(0).at("layout"), "tp2\\x1B[2J");
  EXPECT_EQ(json.at("health").at(0).at("message"), "a\\u{202E}b");
  EXPECT_EQ(json.at("saves").at(0).at("seconds"), 2.0);
}

// The bubbles of the papers: (p - 1) / (m + p - 1), with v chunks (p - 1) / (v m + p - 1).
TEST(PipelineTiming, HasTheBubbleOfThePapers) {
  using schedule::ScheduleKind;
  for (const int stages : {2, 4, 8}) {
    for (const int batches : {8, 16}) {
      const double p = stages, m = batches;
      EXPECT_NEAR(time_pipeline({ScheduleKind::kGpipe, stages, 1, batches}).idle_share, (p - 1) / (m + p - 1), 1e-12);
      EXPECT_NEAR(time_pipeline({ScheduleKind::kOneForwardOneBackward, stages, 1, batches}).idle_share,
                  (p - 1) / (m + p - 1), 1e-12);
      EXPECT_NEAR(time_pipeline({ScheduleKind::kInterleaved, stages, 2, batches}).idle_share, (p - 1) / (2 * m + p - 1),
                  1e-12);
    }
  }
}

TEST(PipelineTiming, NothingStartsBeforeWhatItNeeds) {
  const schedule::Plan plan{schedule::ScheduleKind::kInterleaved, 4, 2, 8};
  const PipelineTiming timing = time_pipeline(plan);
  std::map<std::tuple<bool, int, int>, Slot> slots;
  for (const Slot& slot : timing.slots) slots[{slot.forward, slot.chunk, slot.micro_batch}] = slot;
  ASSERT_EQ(slots.size(), 2U * 8 * 8);
  for (const auto& [key, slot] : slots) {
    const auto& [forward, chunk, batch] = key;
    EXPECT_EQ(slot.stage, chunk % 4);
    std::vector<std::tuple<bool, int, int>> needed;
    if (forward && chunk > 0) needed.emplace_back(true, chunk - 1, batch);
    if (!forward) needed.emplace_back(true, chunk, batch);
    if (!forward && chunk < 7) needed.emplace_back(false, chunk + 1, batch);
    for (const auto& before : needed) EXPECT_GE(slot.begin, slots.at(before).end);
    EXPECT_LE(slot.end, timing.length);
  }
}

TEST(PipelineTiming, DrawsAFewOfManyMicroBatches) {
  const auto json = pipeline_json({schedule::ScheduleKind::kInterleaved, 4, 2, 1024});
  EXPECT_EQ(json.at("drawn"), 16);
  EXPECT_EQ(json.at("slots").size(), 2U * 8 * 16);
  EXPECT_NEAR(json.at("idle_share").get<double>(), 3.0 / (2 * 1024 + 3), 1e-12);
  EXPECT_FALSE(pipeline_json({schedule::ScheduleKind::kGpipe, 300, 1, 8}).contains("slots"));
}

TEST(Layouts, ReadsWhatTheLedgerHolds) {
  EXPECT_EQ(parse_degrees("tp2·pp3·dp4"), (topology::Degrees{.tp = 2, .dp = 4, .pp = 3}));
  EXPECT_EQ(parse_degrees("1 rank"), topology::Degrees{});
  for (const topology::Degrees& degrees : {topology::Degrees{.tp = 8}, {.tp = 2, .cp = 2, .dp = 16, .pp = 4}}) {
    EXPECT_EQ(parse_degrees(topology::to_string(degrees)), degrees);
  }
  for (const char* text :
       {"", "program", "mpirun x 4", "tp", "tp0", "tp2·", "tp2 pp2", "tp99999999999", "tp1000000·pp1000000"}) {
    EXPECT_FALSE(parse_degrees(text)) << text;
  }
}

TEST(Layouts, EachLayoutOnceTheNewestLast) {
  RunFacts facts;
  facts.attempts = {attempt(1, 1, 0, 2), attempt(2, 3, 0, 4), attempt(3, 5, 0, 6)};
  facts.attempts[0].start.layout = facts.attempts[2].start.layout = "tp2";
  facts.attempts[1].start.layout = "pp2";
  const auto layouts = layouts_json(facts, {});
  ASSERT_EQ(layouts.size(), 2U);
  EXPECT_EQ(layouts.at(1).at("text"), "tp2");
  EXPECT_EQ(layouts.at(1).at("attempts").dump(), "[[1,1],[3,3]]");
  EXPECT_EQ(layouts.at(1).at("attempt_count"), 2);
}

TEST(Layouts, OfVeryManyAttemptsAFewRangesAreTold) {
  RunFacts facts;
  for (int i = 1; i <= 100000; ++i) {
    facts.attempts.push_back(attempt(i, i, 0, i + 1));
    facts.attempts.back().start.layout = i <= 50000 ? base::str("dp", i + 1) : i % 3 == 0 ? "tp2" : "pp2";
  }
  const auto layouts = layouts_json(facts, {});
  ASSERT_EQ(layouts.size(), 100U);
  EXPECT_EQ(layouts.at(99).at("text"), "pp2");
  EXPECT_EQ(layouts.at(99).at("attempt_count"), 33333);
  EXPECT_EQ(layouts.at(99).at("attempts").size(), 100U);
  EXPECT_EQ(layouts.at(99).at("attempts").back().dump(), "[100000,100000]");
  EXPECT_EQ(layouts.at(99).at("attempts").at(98).dump(), "[99997,99998]");
}

TEST(SweepJson, RungsShareOutStepsAndTime) {
  SweepState state;
  state.header.plan.rungs = {10, 30};
  state.header.trials = 3;
  state.trials.resize(3);
  state.trials[0].started = state.trials[1].started = true;
  state.trials[0].steps_done = 30;
  state.trials[0].results = {{10, 1.0}, {30, 0.5}};
  state.trials[1].steps_done = 10;
  state.trials[1].results = {{10, 2.0}};
  const auto costs = rung_costs(state, {{300, false}, {100, false}, {0, false}});
  ASSERT_EQ(costs.size(), 2U);
  EXPECT_EQ(costs[0].trials, 2U);
  EXPECT_EQ(costs[0].steps, 20);
  EXPECT_DOUBLE_EQ(costs[0].device_seconds, 200);
  EXPECT_EQ(costs[1].reached, 1U);
  EXPECT_EQ(costs[1].steps, 20);
  EXPECT_DOUBLE_EQ(costs[1].device_seconds, 200);
  EXPECT_EQ(trials_to_show(state, 10), (std::vector<std::size_t>{0, 1}));
}

TEST(SweepJson, RungsChargeAllTime) {
  SweepState state;
  state.header.plan.rungs = {10, 30};
  state.header.trials = 3;
  state.trials.resize(3);
  state.trials[0].steps_done = 40;  // further than the sweep asked it
  state.trials[1].steps_done = 10;
  state.trials[2].started = true;  // failed before its first step
  const auto costs = rung_costs(state, {{300, false}, {100, false}, {50, false}});
  EXPECT_EQ(costs[0].trials, 3U);
  EXPECT_EQ(costs[0].steps, 20);
  EXPECT_DOUBLE_EQ(costs[0].device_seconds, 100 + 100 + 50);
  EXPECT_DOUBLE_EQ(costs[1].device_seconds, 200);
}

}  // namespace
}  // namespace trireme::launcher
