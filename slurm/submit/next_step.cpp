#include "slurm/submit/next_step.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"

namespace trireme::slurm {
namespace {

using base::str;

NextStep end(int code, const std::string& why) { return {NextStep::Kind::kEnd, code, why, {}, {}}; }

// How many of the newest attempts in a row ended without a new checkpoint, either one that they saved in the run
// directory or one on the nodes' own disks that the next attempt went on from. Ends that the site or a person caused do
// not count: stops, and kills that a requeue followed.
int attempts_without_progress(const Situation& situation) {
  int count = 0;
  int next_restart = situation.restart_count;
  std::int64_t next_first_step = 0;
  for (auto attempt = situation.attempts.rbegin(); attempt != situation.attempts.rend(); ++attempt) {
    const bool got_nowhere = attempt->end.saved_step <= attempt->start.first_step;
    const bool preempted = (attempt->end.reason == "killed" && attempt->start.restart_count < next_restart) ||
                           (attempt->end.reason.starts_with("preempted") && got_nowhere);
    const bool went_on_later = next_first_step > attempt->start.first_step;
    next_restart = attempt->start.restart_count;
    next_first_step = attempt->start.first_step;
    if (preempted) continue;
    const bool asked_for = was_asked_to_end(attempt->end.reason);
    if (!attempt->ended || asked_for || went_on_later || !got_nowhere) {
      break;
    }
    ++count;
  }
  return count;
}

constexpr int kMostFailures = 3;

// Whether the newest attempts, one after the other, left on their own with 75 as soon as they had started: a requeue
// would go on for ever.
bool leaves_at_once(const Situation& situation) {
  constexpr double kMinute = 60;
  const auto& attempts = situation.attempts;
  return std::ssize(attempts) >= kMostFailures &&
         std::all_of(attempts.end() - kMostFailures, attempts.end(), [](const Attempt& one) {
           return one.ended && left_by_itself(one.end.reason) && one.end.saved_step <= one.start.first_step &&
                  one.end.time - one.start.time < kMinute;
         });
}

// The event by which an attempt ended itself for the losses of a batch; null when that was not why.
const HealthEvent* losses_that_ended(const Attempt& attempt) {
  if (attempt.health.empty() || attempt.health.back().action != "stopped") return nullptr;
  const HealthEvent& event = attempt.health.back();
  return event.kind == "spike" || event.kind == "nonfinite" ? &event : nullptr;
}

// Whether another attempt would meet the same end: it repeats the steps bit for bit. A loss that is not finite may come
// from the machine, so it is tried once more.
bool repeats_itself(const std::vector<Attempt>& attempts) {
  if (attempts.empty()) return false;
  const HealthEvent* last = losses_that_ended(attempts.back());
  if (last == nullptr || last->kind == "spike") return last != nullptr;
  const HealthEvent* before = attempts.size() > 1 ? losses_that_ended(attempts[attempts.size() - 2]) : nullptr;
  return before != nullptr && before->step == last->step && before->first_sample == last->first_sample;
}

NextStep requeue_or_end(const Situation& situation, int code, const std::string& why) {
  if (situation.may_requeue) return {NextStep::Kind::kRequeue, code, why, {}, {}};
  return end(code, why + "; this job may not be requeued: the next job of the run goes on");
}

// No layout fits the nodes that are left. A requeued job could get the failed nodes again; a new job can exclude them.
NextStep elsewhere(const Situation& situation, const std::vector<std::string>& failing, std::size_t left) {
  const std::string why = str("no layout fits the ", left, " of ", situation.hosts.size(), " nodes that are left");
  if (!situation.may_submit || failing.empty()) return requeue_or_end(situation, base::kExitFailed, why);
  std::set<std::string> exclude(failing.begin(), failing.end());
  exclude.insert(situation.excluded.begin(), situation.excluded.end());
  return {NextStep::Kind::kResubmit,
          base::kExitFailed,
          why + "; a new job goes on elsewhere",
          {},
          {exclude.begin(), exclude.end()}};
}

NextStep go(const Situation& situation, const std::string& why) {
  constexpr int kMost = kMostFailures;
  if (situation.preempted) {
    return requeue_or_end(situation, base::kExitStopped,
                          str("the job is being preempted, so no attempt starts; ", why));
  }
  if (situation.failed_starts >= kMost) {
    return end(base::kExitFailed,
               str(kMost, " attempts of this job ended before the training began: the reason stands above"));
  }
  if (attempts_without_progress(situation) >= kMost) {
    return end(
        base::kExitFailed,
        str(kMost, " attempts in a row ended without a new checkpoint: look at the log before ", "you submit again"));
  }
  std::vector<std::string> hosts;
  const auto failing = failing_hosts(situation.attempts, situation.restart_count);
  for (const std::string& host : situation.hosts) {
    if (std::ranges::count(situation.lost, host) + std::ranges::count(failing, host) == 0) hosts.push_back(host);
  }
  const auto where = place(situation.needs, hosts, situation.ranks_per_node);
  if (!where) return elsewhere(situation, failing, hosts.size());
  std::string left_out;
  if (hosts.size() < situation.hosts.size()) {
    left_out = str(", on ", where->hosts.size(), " of ", situation.hosts.size(), " nodes");
  }
  return {NextStep::Kind::kGo, base::kExitDone, why + left_out, where, {}};
}

}  // namespace

std::vector<std::string> failing_hosts(const std::vector<Attempt>& attempts, int restart_count) {
  constexpr int kEnough = 2;
  std::map<std::string, int> failures;
  for (const Attempt& attempt : attempts) {
    if (attempt.start.restart_count != restart_count || !attempt.ended) continue;
    if (const std::string host = failed_host(attempt.end.reason); !host.empty()) ++failures[host];
    for (const HealthEvent& event : attempt.health) {
      // The other replicas agree that this node computes wrong numbers: once is enough.
      if (event.kind == "corruption" && event.action == "stopped" && !event.host.empty())
        failures[event.host] += kEnough;
    }
  }
  std::vector<std::string> hosts;
  for (const auto& [host, count] : failures) {
    if (count >= kEnough) hosts.push_back(host);
  }
  return hosts;
}

bool may_go_on_elsewhere(const Situation& situation) {
  const auto& outcome = situation.outcome;
  return outcome && outcome->exit_code == base::kExitStopped && outcome->come_back && !situation.stopped &&
         !left_by_itself(outcome->reason) && !outcome->reason.starts_with("preempted") && !situation.preempted &&
         situation.job_known;
}

NextStep decide(const Situation& situation) {
  if (!situation.launcher_exit) {
    if (situation.finished) return end(base::kExitDone, "the run is done already");
    if (situation.stopped) return end(base::kExitStopped, "the run is stopped, until trireme resume");
    return go(situation, "starting");
  }
  // Without an outcome the launcher's code says only one thing: that the options were refused before there was a run.
  const int code = situation.outcome                                 ? situation.outcome->exit_code
                   : *situation.launcher_exit == base::kExitBadInput ? base::kExitBadInput
                                                                     : base::kExitFailed;
  const std::string reason = situation.outcome ? situation.outcome->reason : "the attempt left no outcome";
  if (code == base::kExitDone) return end(code, reason);
  if (code == base::kExitBadInput) return end(code, "starting again would not help: " + reason);
  if (code == base::kExitStopped) {
    if (leaves_at_once(situation)) {
      return end(base::kExitFailed, str(kMostFailures, " attempts in a row left by themselves within a minute and ",
                                        "without a new checkpoint: look at the log before you submit again"));
    }
    if (!situation.outcome->come_back || situation.stopped) return end(code, reason);
    if (situation.slice && may_go_on_elsewhere(situation)) {
      NextStep next{NextStep::Kind::kSlice, code, str(reason, "; a new job goes on"), {}, {}};
      next.slice = situation.slice;
      next.exclude = situation.excluded;
      return next;
    }
    return requeue_or_end(situation, code, reason);
  }
  if (repeats_itself(situation.attempts)) {
    return end(code, "starting again would repeat this: " + reason +
                         "; train.on_spike and train.on_nonfinite say what "
                         "else can be done");
  }
  if (situation.seconds_left && *situation.seconds_left < situation.seconds_needed) {
    return requeue_or_end(situation, base::kExitStopped,
                          str("no time is left in this job to start again after: ", reason));
  }
  return go(situation, "starting again after: " + reason);
}

}  // namespace trireme::slurm
