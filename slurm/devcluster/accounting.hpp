// Accounting for a cluster on one machine: a MariaDB and a slurmdbd of its own, and two accounts to show fair-share
// with.
#pragma once

#include <functional>
#include <string>

#include "slurm/devcluster/plan.hpp"
#include "slurm/devcluster/processes.hpp"

namespace trireme::devcluster {

/// Makes the database (some seconds) and starts both daemons; calls `started` for each. Throws base::Error when one
/// does not come up.
void start_accounting(const Plan& plan, const std::function<void(const std::string&, const ProcessId&)>& started);

/// Adds the accounts "physics" (shares 3) and "biology" (shares 1), with the user who called sudo, or root, in both;
/// physics is the default.
void add_accounts(const Plan& plan);

}  // namespace trireme::devcluster
