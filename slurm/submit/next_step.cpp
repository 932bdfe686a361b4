#include "slurm/submit/next_step.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"

namespace trireme::slurm {
namespace {

using base::str;

NextStep end(int code, const std::string& why) { return {NextStep::Kind::kEnd, code, why, {}}; }

bool was_asked_for(const Attempt& attempt) { return attempt.end.reason.starts_with("stopped"); }

// How many of the newest attempts ended in a row, unasked, without a checkpoint that was not there before.
int attempts_without_progress(const std::vector<Attempt>& attempts) {
  int count = 0;
  for (auto attempt = attempts.rbegin(); attempt != attempts.rend(); ++attempt, ++count) {
    if (!attempt->ended || was_asked_for(*attempt) || attempt->end.saved_step > attempt->start.first_step) break;
  }
  return count;
}

NextStep requeue_or_end(const Situation& situation, int code, const std::string& why) {
  if (situation.may_requeue) return {NextStep::Kind::kRequeue, code, why, {}};
  return end(code, why + "; this job may not be requeued: the next job of the run goes on");
}

NextStep go(const Situation& situation, const std::string& why) {
  constexpr int kMost = 3;
  if (situation.failed_starts >= kMost) {
    return end(base::kExitFailed,
               str(kMost, " attempts of this job ended before the training began: the reason stands above"));
  }
  if (attempts_without_progress(situation.attempts) >= kMost) {
    return end(
        base::kExitFailed,
        str(kMost, " attempts in a row ended without a new checkpoint: look at the log before ", "you submit again"));
  }
  std::vector<std::string> hosts;
  const auto failing = failing_hosts(situation.attempts);
  for (const std::string& host : situation.hosts) {
    if (std::ranges::count(situation.lost, host) + std::ranges::count(failing, host) == 0) hosts.push_back(host);
  }
  const auto where = place(situation.needs, hosts, situation.ranks_per_node);
  if (!where) {
    return requeue_or_end(
        situation, base::kExitFailed,
        str("no layout fits the ", hosts.size(), " of ", situation.hosts.size(), " nodes that are left"));
  }
  std::string left_out;
  if (hosts.size() < situation.hosts.size()) {
    left_out = str(", on ", where->hosts.size(), " of ", situation.hosts.size(), " nodes");
  }
  return {NextStep::Kind::kGo, base::kExitDone, why + left_out, where};
}

}  // namespace

std::vector<std::string> failing_hosts(const std::vector<Attempt>& attempts) {
  constexpr std::string_view kFailed = "failed on ";
  std::map<std::string, int> failures;
  for (const Attempt& attempt : attempts) {
    const std::string& reason = attempt.end.reason;
    const std::size_t colon = reason.find(':');
    if (attempt.ended && reason.starts_with(kFailed) && colon != std::string::npos) {
      ++failures[reason.substr(kFailed.size(), colon - kFailed.size())];
    }
  }
  std::vector<std::string> hosts;
  for (const auto& [host, count] : failures) {
    if (count >= 2) hosts.push_back(host);
  }
  return hosts;
}

NextStep decide(const Situation& situation) {
  if (!situation.launcher_exit) {
    if (situation.finished) return end(base::kExitDone, "the run is done already");
    if (situation.held)
      return end(base::kExitStopped, "somebody asked the run to stay stopped (trireme resume takes it back)");
    return go(situation, "starting");
  }
  // Without an outcome the launcher's code tells only one thing: that the options were refused before there was a run.
  const int code = situation.outcome                                 ? situation.outcome->exit_code
                   : *situation.launcher_exit == base::kExitBadInput ? base::kExitBadInput
                                                                     : base::kExitFailed;
  const std::string reason = situation.outcome ? situation.outcome->reason : "the attempt left no outcome";
  if (code == base::kExitDone) return end(code, reason);
  if (code == base::kExitBadInput) return end(code, "starting again would not help: " + reason);
  if (code == base::kExitStopped) {
    const bool come_back = situation.outcome->come_back && !situation.held;
    return come_back ? requeue_or_end(situation, code, reason) : end(code, reason);
  }
  return go(situation, "starting again after: " + reason);
}

}  // namespace trireme::slurm
