#include "slurm/submit/layout_fit.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace trireme::slurm {

std::optional<std::int64_t> fit_data_parallel(const LayoutNeeds& needs, std::int64_t ranks) {
  std::int64_t dp = ranks / (needs.tp * needs.pp);
  if (needs.any) return dp > 0 ? std::optional(dp) : std::nullopt;
  if (needs.dp > 0) dp = std::min(dp, needs.dp);
  for (; dp > 0; --dp) {
    const std::int64_t replica = dp * needs.micro_batch;
    if (needs.global_batch % replica != 0) continue;
    if (needs.interleaved && (needs.global_batch / replica) % needs.pp != 0) continue;
    return dp;
  }
  return std::nullopt;
}

std::string Placement::words(bool srun) const {
  std::string list;
  std::int64_t left = ranks;
  for (const std::string& host : hosts) {
    const std::int64_t here = std::min(left, ranks_per_node);
    list += (list.empty() ? "" : ",") + (srun ? host : base::str(host, ':', here));
    left -= here;
  }
  return srun ? base::str("--nodes=", hosts.size(), " --nodelist=", list, " --ntasks=", ranks,
                          " --ntasks-per-node=", std::min(ranks, ranks_per_node))
              : base::str("--host ", list, " -n ", ranks);
}

std::optional<Placement> place(const LayoutNeeds& needs, const std::vector<std::string>& hosts,
                               std::int64_t ranks_per_node) {
  const auto dp = fit_data_parallel(needs, std::ssize(hosts) * ranks_per_node);
  if (!dp) return std::nullopt;
  Placement placement;
  placement.dp = *dp;
  placement.ranks = needs.tp * needs.pp * *dp;
  placement.ranks_per_node = ranks_per_node;
  const std::int64_t used = (placement.ranks + ranks_per_node - 1) / ranks_per_node;
  placement.hosts.assign(hosts.begin(), hosts.begin() + used);
  return placement;
}

}  // namespace trireme::slurm
