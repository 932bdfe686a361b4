// Asks the accounting about everybody's jobs: one call of sacct and one of sshare.
#pragma once

#include <string>
#include <vector>

#include "launcher/usage/usage_report.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::launcher {

struct AskedAccounting {
  Accounting answers;
  std::vector<std::string> silent;  ///< a sentence for each command that did not answer
};

/// `run` limits how long a call may take. Without sacct on this machine it asks nothing and says so in one sentence.
AskedAccounting ask_accounting(const slurm::RunCommand& run, double since);

}  // namespace trireme::launcher
