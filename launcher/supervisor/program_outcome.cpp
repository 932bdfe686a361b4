#include "launcher/supervisor/program_outcome.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "slurm/job/attempt_ledger.hpp"

namespace trireme::launcher {
namespace {

using base::str;

// "ended with exit code 3", "was killed by signal 9 (Killed)".
std::string code_text(int code) {
  constexpr int kSignal = 128, kLastSignal = 64;
  if (code > kSignal && code <= kSignal + kLastSignal) {
    return str("was ended by signal ", code - kSignal, " (", ::strsignal(code - kSignal), ")");
  }
  return code == 127 ? std::string("was not found (exit code 127)") : str("ended with exit code ", code);
}

std::string failure_text(const ProgramEnd& end, int code) {
  if (!end.rank) return str("failed: ", end.launcher == "none" ? "the program" : end.launcher, " ", code_text(code));
  const std::string which = end.rank->rank > 0 ? str("rank ", end.rank->rank, " ") : std::string("the program ");
  const bool named = end.rank->rank > 0 && !end.rank->host.empty();
  return str(slurm::failed_on(named ? end.rank->host : ""), which, code_text(code));
}

}  // namespace

slurm::Outcome program_outcome(const ProgramEnd& end) {
  const int code = end.rank ? end.rank->exit_code : end.launcher_code;
  const bool asked = !end.stop_reason.empty();
  slurm::Outcome outcome;
  outcome.step = std::max(end.first_step, end.progress.step.value_or(0));
  outcome.saved_step = std::max(end.first_step, end.progress.saved_step.value_or(0));
  outcome.come_back = end.come_back;
  // A pause comes before the end by definition.
  const bool unfinished =
      slurm::is_paused(end.stop_reason) || (end.progress.steps && outcome.step < *end.progress.steps);
  if (code == base::kExitDone && !(asked && unfinished)) {
    outcome.exit_code = base::kExitDone;
    outcome.reason = "done";
    outcome.saved_step = outcome.step;
  } else if (code == base::kExitBadInput && !end.killed) {
    outcome.exit_code = base::kExitBadInput;
    outcome.reason = "failed: the program refused its input (exit code 2)";
  } else if (asked) {
    outcome.exit_code = base::kExitStopped;
    outcome.reason = end.stop_reason;
    if (end.killed) {
      outcome.reason += str("; the program did not end within ", end.stop_seconds, " s and was killed");
    } else if (code != base::kExitStopped && code != base::kExitDone) {
      outcome.reason += str("; the program ", code_text(code));
    }
  } else if (code == base::kExitStopped) {
    outcome.exit_code = base::kExitStopped;
    outcome.reason = slurm::kLeftByItself;
  } else {
    outcome.exit_code = base::kExitFailed;
    outcome.reason = failure_text(end, code);
  }
  return outcome;
}

}  // namespace trireme::launcher
