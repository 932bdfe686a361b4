#include "launcher/report/timeline.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/printable.hpp"
#include "launcher/run_directory/run_summary.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using slurm::Attempt;

constexpr std::ptrdiff_t kMostRollBacks = 100;  // of an attempt

// Where an attempt ends; of one without an end as far as its device seconds go.
double end_of(const RunFacts& facts, const Attempt& attempt, double now) {
  if (attempt.ended) return std::max(attempt.end.time, attempt.start.time);
  const double ranks = std::max(1, attempt.start.ranks);
  const double seconds = device_seconds(facts, attempt, now).used / ranks - attempt.start.start_up_seconds;
  return attempt.start.time + std::max(0.0, seconds);
}

void add_span(std::vector<Span>& spans, Span span) {
  const bool sound = std::isfinite(span.begin) && std::isfinite(span.end);
  if (sound && span.begin > 0 && span.end > span.begin) spans.push_back(span);
}

// The newest roll-backs of an attempt, by time.
std::vector<slurm::HealthEvent> roll_backs(const Attempt& attempt) {
  std::vector<slurm::HealthEvent> events;
  std::ranges::copy_if(attempt.health, std::back_inserter(events), [](const slurm::HealthEvent& event) {
    return event.lost_seconds > 0 && std::isfinite(event.lost_seconds) && std::isfinite(event.time);
  });
  std::ranges::sort(events, {}, &slurm::HealthEvent::time);
  if (events.size() > kMostRollBacks) events.erase(events.begin(), events.end() - kMostRollBacks);
  return events;
}

// The attempt's last seconds, whose steps no checkpoint holds: what was lost but neither by starting up nor by a
// roll-back.
double unsaved_seconds(const RunFacts& facts, const Attempt& attempt, double now) {
  if (attempt.ended && attempt.end.last_step <= attempt.end.saved_step) return 0.0;
  const double seconds = device_seconds(facts, attempt, now).lost - slurm::rolled_back_seconds(attempt);
  return std::max(0.0, seconds / std::max(1, attempt.start.ranks) - attempt.start.start_up_seconds);
}

// From the start of the training to `end`: what a roll-back undid lies before the moment of the roll-back.
void add_training(std::vector<Span>& spans, const RunFacts& facts, const Attempt& attempt, double end, double now) {
  double free = attempt.start.time;
  const auto add_lost = [&](double begin, double until) {
    begin = std::max(free, begin);
    until = std::min(end, until);
    if (!(until > begin)) return;
    add_span(spans, {Span::Kind::kRunning, free, begin, attempt.number});
    add_span(spans, {Span::Kind::kLost, begin, until, attempt.number});
    free = until;
  };
  for (const slurm::HealthEvent& event : roll_backs(attempt)) {
    add_lost(event.time - event.lost_seconds / std::max(1, attempt.start.ranks), event.time);
  }
  add_lost(end - unsaved_seconds(facts, attempt, now), end);
  add_span(spans, {Span::Kind::kRunning, free, end, attempt.number});
}

// Between the end of the attempt before (0: none) and the start of this one.
void add_wait(std::vector<Span>& spans, double free, double begin, double submitted, bool job, int attempt) {
  const bool submitted_then = submitted > free && submitted < begin;
  if (submitted_then) {
    if (free > 0) add_span(spans, {Span::Kind::kIdle, free, submitted, attempt});
    add_span(spans, {Span::Kind::kQueued, submitted, begin, attempt});
  } else if (free > 0) {
    add_span(spans, {job ? Span::Kind::kQueued : Span::Kind::kIdle, free, begin, attempt});
  }
}

Json attempt_json(const RunFacts& facts, const Attempt& attempt, double now) {
  const auto text = [](const std::string& value) { return base::printable(value); };
  const slurm::AttemptStart& start = attempt.start;
  const DeviceSeconds seconds = device_seconds(facts, attempt, now);
  const bool newest = attempt.number == facts.attempts.back().number;
  Json hosts = Json::array();
  for (const std::string& host : start.hosts) {
    if (hosts.size() < 64) hosts.push_back(text(host));
  }
  Json json = {{"attempt", attempt.number},
               {"reason", text(start.reason)},
               {"job", text(start.job_id)},
               {"partition", text(start.partition)},
               {"layout", text(start.layout)},
               {"ranks", start.ranks},
               {"gpus", start.gpus},
               {"hosts", hosts},
               {"host_count", start.hosts.size()},
               {"first_step", start.first_step},
               {"begin", start.time - start.start_up_seconds},
               {"training", start.time},
               {"end", end_of(facts, attempt, now)},
               {"ended", attempt.ended},
               {"how", text(attempt.ended || !newest || !facts.alive ? slurm::end_reason(attempt) : "running")},
               {"device_seconds", seconds.used},
               {"lost_seconds", seconds.lost}};
  if (attempt.ended) {
    json["last_step"] = attempt.end.last_step;
    json["saved_step"] = attempt.end.saved_step;
    json["saving_seconds"] = attempt.end.stalled_seconds;
  } else if (newest && facts.newest) {
    json["last_step"] = facts.newest->step;
    json["saved_step"] = facts.saved_step;
  }
  return json;
}

Json health_json(const slurm::HealthEvent& event, int attempt) {
  return {{"attempt", attempt},
          {"time", event.time},
          {"kind", base::printable(event.kind)},
          {"action", base::printable(event.action)},
          {"step", event.step},
          {"to_step", event.to_step},
          {"lost_seconds", event.lost_seconds},
          {"rank", event.rank},
          {"host", base::printable(event.host)},
          {"message", base::printable(event.message)}};
}

}  // namespace

const char* name_of(Span::Kind kind) {
  switch (kind) {
    case Span::Kind::kQueued: return "queued";
    case Span::Kind::kIdle: return "idle";
    case Span::Kind::kStarting: return "starting";
    case Span::Kind::kRunning: return "running";
    case Span::Kind::kLost: return "lost";
  }
  return "";
}

std::vector<Span> spans_of(const RunFacts& facts, double now) {
  std::vector<Span> spans;
  const double submitted = facts.submission.time;
  double free = 0.0;
  for (const Attempt& attempt : facts.attempts) {
    const double training = attempt.start.time;
    const double begin = std::max(free, training - attempt.start.start_up_seconds);
    add_wait(spans, free, begin, submitted, !attempt.start.job_id.empty(), attempt.number);
    add_span(spans, {Span::Kind::kStarting, begin, training, attempt.number});
    const double end = end_of(facts, attempt, now);
    add_training(spans, facts, attempt, end, now);
    free = std::max(free, end);
  }
  if (!facts.alive && submitted > free) add_span(spans, {Span::Kind::kQueued, submitted, now, 0});
  return spans;
}

Json timeline_json(const RunFacts& facts, const std::vector<SaveMark>& saves, double now) {
  Json spans = Json::array(), attempts = Json::array(), marks = Json::array(), health = Json::array();
  const int first =
      facts.attempts.size() <= kMostAttempts ? 0 : facts.attempts[facts.attempts.size() - kMostAttempts].number;
  for (const Span& span : spans_of(facts, now)) {
    if (span.attempt != 0 && span.attempt < first) continue;
    spans.push_back(
        {{"kind", name_of(span.kind)}, {"begin", span.begin}, {"end", span.end}, {"attempt", span.attempt}});
  }
  for (const Attempt& attempt : facts.attempts) {
    if (attempt.number < first) continue;
    attempts.push_back(attempt_json(facts, attempt, now));
    for (const slurm::HealthEvent& event : attempt.health) health.push_back(health_json(event, attempt.number));
    if (health.size() > kMostHealth) health.erase(health.begin(), health.end() - kMostHealth);
  }
  for (const SaveMark& save : saves) marks.push_back({{"time", save.time}, {"seconds", save.seconds}});
  return {{"spans", spans},
          {"attempts", attempts},
          {"attempt_count", facts.attempts.size()},
          {"saves", marks},
          {"health", health}};
}

}  // namespace trireme::launcher
