// Accounting for a cluster on one machine: MariaDB and slurmdbd of its own, and two accounts to see fair-share with.
#pragma once

#include <functional>
#include <string>

#include "slurm/devcluster/plan.hpp"
#include "slurm/devcluster/processes.hpp"

namespace trireme::devcluster {

/// Makes the database (some seconds) and starts both daemons; `started` is told of each. base::Error when one does not
/// come up.
void start_accounting(const Plan& plan, const std::function<void(const std::string&, const ProcessId&)>& started);

/// Accounts "physics" (shares 3) and "biology" (shares 1), with the user who called sudo, or root, in both; physics
/// is the default.
void add_accounts(const Plan& plan);

}  // namespace trireme::devcluster
