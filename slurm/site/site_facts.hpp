// Reads a site's facts from Slurm's own commands: at most nine calls, none of them per node or per partition.
#pragma once

#include <optional>

#include "slurm/queue/command.hpp"
#include "slurm/site/site.hpp"

namespace trireme::slurm {

/// Returns the site as this machine sees it; nothing when there is no Slurm here (no scontrol). A command that is
/// missing or fails leaves its facts at their defaults and an entry in Site::unknown. The needs stay empty, since a
/// person writes them. Throws base::Error when scontrol exists but does not tell the configuration or the partitions.
std::optional<Site> read_site(const RunCommand& run);

}  // namespace trireme::slurm
