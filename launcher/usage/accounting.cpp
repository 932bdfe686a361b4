#include "launcher/usage/accounting.hpp"

#include "base/error.hpp"
#include "base/printable.hpp"

namespace trireme::launcher {
namespace {

// "env" starts sacct, so a sacct that is not installed is env's exit code 127.
constexpr int kNoProgram = 127;

bool is_missing(const std::optional<slurm::CommandResult>& result) {
  return !result || result->exit_code == kNoProgram;
}

std::string why(const slurm::CommandResult& result) {
  const std::string line = result.error.substr(0, result.error.find('\n'));
  return base::printable(line.empty() ? base::str("exit code ", result.exit_code) : line);
}

}  // namespace

AskedAccounting ask_accounting(const slurm::RunCommand& run, double since) {
  AskedAccounting asked;
  const auto jobs = run(slurm::job_records_command(since));
  if (is_missing(jobs)) {
    asked.silent.push_back("there is no sacct here: only what ledgers say counts");
    return asked;
  }
  if (jobs->exit_code != 0) {
    asked.silent.push_back(base::str("sacct did not answer (", why(*jobs), "): only what ledgers say counts"));
  } else {
    asked.answers.jobs = slurm::parse_job_records(jobs->output);
  }
  const auto shares = run({"env", "-u", "SLURM_CLUSTERS", "sshare", "--all", "--noheader", "--parsable2",
                           std::string("--format=") + slurm::kShareFormat});
  if (is_missing(shares) || shares->exit_code != 0) {
    asked.silent.push_back(
        base::str("sshare did not answer (", is_missing(shares) ? "it is not installed" : why(*shares), ")"));
  } else {
    asked.answers.shares = slurm::parse_fair_shares(shares->output);
  }
  return asked;
}

}  // namespace trireme::launcher
