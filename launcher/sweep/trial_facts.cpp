#include "launcher/sweep/trial_facts.hpp"

#include <algorithm>
#include <cmath>
#include <exception>

#include "base/error.hpp"
#include "base/lines.hpp"
#include "launcher/run_directory/metrics_line.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/outcome.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using base::str;
using Kind = Verdict::Kind;
using Path = std::filesystem::path;

std::optional<MetricFacts> read_metric(base::FileSystem& files, const Path& path, const std::string& metric,
                                       std::int64_t until) {
  std::optional<MetricFacts> newest;
  const std::string quoted = '"' + metric + '"';
  const auto file = files.open_own(path, base::OpenMode::kRead);
  base::LineReader lines(*file);
  for (base::Line line; lines.next(line);) {
    if (!line.whole || line.text.find(quoted) == std::string_view::npos) continue;
    const Json json = parse_metrics_line(line.text);
    if (!json.is_object() || !json.contains(metric) || !json.contains("step")) continue;
    const Json& step = json["step"];
    if (!step.is_number_integer() || (until > 0 && step.get<std::int64_t>() > until)) continue;
    const Json& value = json[metric];
    const bool finite = value.is_number() && std::isfinite(value.get<double>());
    newest = MetricFacts{step.get<std::int64_t>(), finite ? std::optional(value.get<double>()) : std::nullopt};
  }
  return newest;
}

// "step 3 has loss nan and gradient norm inf (…": what the trainer ends with.
bool says_not_finite(const std::string& reason) {
  for (const char* text : {"loss nan", "loss -nan", "loss inf", "loss -inf", "norm nan", "norm -nan", "norm inf"}) {
    if (reason.find(text) != std::string::npos) return true;
  }
  return false;
}

bool has_reached(const TrialFacts& facts, const SweepHeader& header, std::size_t rung,
                 const std::optional<SeenEnd>& end) {
  if (facts.finished || (end && end->exit_code == base::kExitDone)) return true;
  if (rung + 1 == header.plan.rungs.size()) return false;
  const std::int64_t step = header.plan.rungs[rung];
  if (facts.paused && facts.last_step >= step) return true;
  // Killed between the save and the pause, or a program that ended by itself at the rung: the measurement itself shows
  // that nothing is missing. A program that says nothing of its saves is believed when it ends in order.
  const bool in_order = facts.ended && facts.exit_code == base::kExitStopped && facts.last_step >= step;
  return (facts.saved_step >= step || in_order) && facts.metric && facts.metric->step == step;
}

Verdict judge_failure(const TrialFacts& facts, const SweepClaim& claim, const std::optional<SeenEnd>& end,
                      const FailedStarts& before) {
  constexpr int kBySignal = 128;
  const bool says_killed = facts.reason.find("by signal 9 ") != std::string::npos;  // a [program]'s supervisor
  const bool killed = says_killed || (end ? end->exit_code > kBySignal : !facts.ended);
  const int code = facts.ended && facts.exit_code >= 0 ? facts.exit_code : end ? end->exit_code : base::kExitFailed;
  std::string why = !facts.ended ? std::string("killed") : facts.reason;
  if (end && !facts.ended && end->exit_code != 0 && end->exit_code < kBySignal) {
    why = str("it left with exit code ", end->exit_code, "; its log says why");
  }
  if (code == base::kExitBadInput) return {Kind::kEnded, "failed", why};
  // A batch script starts a trial several times before it gives up.
  const int starts = std::max(1, std::min(facts.fruitless, facts.attempts - claim.attempts));
  const int most = killed ? kMostKills : kMostFailures;
  if ((killed ? before.kills : before.failures) + starts >= most)
    return {Kind::kEnded, "failed", str(why, " (", most, " starts in a row saved nothing new)"), 0, true,
            killed,       starts};
  return {Kind::kReleased, "", why, 0, true, killed, starts};
}

}  // namespace

TrialFacts read_trial(base::FileSystem& files, const Path& run, const std::string& metric, std::int64_t until) {
  const RunFacts read = read_run(files, run);
  TrialFacts facts;
  facts.alive = read.alive;
  facts.saved_step = read.saved_step;
  facts.stop_asked = read.stop.has_value();
  facts.attempts = static_cast<int>(read.attempts.size());
  const auto saved_nothing = [](const slurm::Attempt& one) {
    return !one.ended || one.end.saved_step <= one.start.first_step;
  };
  for (auto one = read.attempts.rbegin(); one != read.attempts.rend() && saved_nothing(*one); ++one) ++facts.fruitless;
  facts.finished = !read.attempts.empty() && slurm::is_finished(read.attempts);
  if (!read.attempts.empty()) {
    const slurm::Attempt& last = read.attempts.back();
    facts.ended = last.ended;
    facts.reason = slurm::end_reason(last);
    facts.paused = last.ended && slurm::is_paused(last.end.reason);
    facts.last_step = last.end.last_step;
    facts.saved_step = std::max(facts.saved_step, last.ended ? last.end.saved_step : 0);
  }
  try {
    // An attempt that ends before it begins leaves an outcome and no line in the ledger.
    const int number = slurm::next_number(read.attempts);
    auto outcome = slurm::read_outcome(files, run, number);
    if (outcome) {
      facts.own_outcome = true;
      facts.ended = true;
      facts.reason = outcome->reason;
      facts.paused = slurm::is_paused(outcome->reason);
      facts.last_step = outcome->step;
    } else if (number > 1) {
      outcome = slurm::read_outcome(files, run, number - 1);
    }
    if (outcome && facts.ended) facts.exit_code = outcome->exit_code;
  } catch (const std::exception&) {  // as if there were none
  }
  try {
    facts.metric = read_metric(files, run / "metrics.jsonl", metric, until);
  } catch (const std::exception&) {
  }
  return facts;
}

Verdict judge(const TrialFacts& facts, const SweepHeader& header, const SweepClaim& claim,
              const std::optional<SeenEnd>& end, const FailedStarts& before) {
  const std::size_t rung = claim.rung;
  if (facts.alive) return {Kind::kRuns};
  if (end && facts.attempts <= claim.attempts && !facts.own_outcome && end->exit_code != base::kExitDone &&
      end->exit_code != base::kExitStopped) {
    if (end->leaves) return {Kind::kReleased, "", "too few of its job's nodes worked"};
    // The start ended before it began: what the attempt before it left says nothing of this one.
    TrialFacts nothing = facts;
    nothing.ended = nothing.paused = false;
    nothing.reason.clear();
    nothing.exit_code = -1;
    return judge_failure(nothing, claim, end, before);
  }
  const bool bad = end && end->exit_code != base::kExitDone && end->exit_code != base::kExitStopped;
  const bool not_finite = facts.metric && !facts.metric->value;
  if (has_reached(facts, header, rung, end)) {
    if (not_finite) return {Kind::kEnded, "diverged", str(header.metric, " is no finite number")};
    if (facts.metric) return {Kind::kReached, "", "", *facts.metric->value};
    return {Kind::kEnded, "failed",
            str("it logged no ", header.metric, " up to step ", header.plan.rungs[rung],
                ": set [sweep] metric to a number that its metrics.jsonl holds")};
  }
  if (facts.ended && says_not_finite(facts.reason)) return {Kind::kEnded, "diverged", facts.reason};
  if (not_finite && (bad || !end)) {
    return {Kind::kEnded, "diverged", str(header.metric, " is no finite number at step ", facts.metric->step)};
  }
  const bool began = facts.attempts > claim.attempts;
  if (facts.stop_asked) return {Kind::kEnded, "stopped", "somebody asked for it (trireme stop)"};
  const bool asked = facts.ended && (slurm::was_asked_to_end(facts.reason) || facts.paused);
  // A program that leaves before its rung again and again, and saves nothing new, would be started forever.
  const bool by_itself = facts.ended && slurm::left_by_itself(facts.reason);
  if (!by_itself && (asked || (end && end->exit_code == base::kExitStopped))) {
    return {Kind::kReleased, "", facts.reason};
  }
  if (!end && !began) return {Kind::kReleased, "", "its worker ended before it began"};
  return judge_failure(facts, claim, end, before);
}

std::optional<Json> verdict_event(const Verdict& verdict, std::size_t trial, std::size_t rung, const TrialFacts& facts,
                                  double time) {
  const std::int64_t measured = facts.metric ? facts.metric->step : 0;
  switch (verdict.kind) {
    case Kind::kRuns: return std::nullopt;
    case Kind::kReached:
      return Json{
          {"event", "result"},        {"trial", trial}, {"rung", rung}, {"step", std::max(measured, facts.last_step)},
          {"metric", verdict.metric}, {"time", time}};
    case Kind::kReleased: {
      Json event{{"event", "released"},
                 {"trial", trial},
                 {"why", verdict.why},
                 {"failed", verdict.failed},
                 {"saved_step", facts.saved_step},
                 {"time", time}};
      if (verdict.failed) {
        event["killed"] = verdict.killed;
        event["starts"] = verdict.starts;
      }
      return event;
    }
    case Kind::kEnded: break;
  }
  Json event{{"event", "ended"},   {"trial", trial},
             {"how", verdict.how}, {"step", std::max(measured, facts.last_step)},
             {"why", verdict.why}, {"time", time}};
  if (verdict.failed) event["failed"] = true;
  if (verdict.killed) event["killed"] = true;
  return event;
}

}  // namespace trireme::launcher
