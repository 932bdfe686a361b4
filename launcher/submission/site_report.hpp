// Presents a site to a person: its partitions, the user's accounts, and what its settings mean for a job.
#pragma once

#include <string>
#include <vector>

#include "slurm/site/accounting_text.hpp"
#include "slurm/site/site.hpp"

namespace trireme::launcher {

/// One line each for the cluster and for MPI, then one line per partition.
std::string site_table(const slurm::Site& site);

/// One line per account; "" without any.
std::string fair_share_table(const std::vector<slurm::FairShare>& shares);

/// The advice of slurm::advise(), by topic, wrapped at 100 columns.
std::string advice_text(const slurm::Site& site);

}  // namespace trireme::launcher
