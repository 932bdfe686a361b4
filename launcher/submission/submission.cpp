#include "launcher/submission/submission.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <set>

#include "base/error.hpp"
#include "launcher/console/format.hpp"
#include "slurm/site/preemption.hpp"

namespace trireme::launcher {
namespace {

using base::str;

std::string decimals(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 100 ? "%.1f" : "%.0f", value);
  return text;
}

std::string account_of(const slurm::ScriptPlan& plan, const slurm::Site& site) {
  return plan.request.account.empty() ? site.account : plan.request.account;
}

}  // namespace

std::vector<std::string> submission_warnings(const slurm::ScriptPlan& plan, const slurm::Site& site,
                                             std::int64_t chain) {
  std::vector<std::string> warnings;
  const slurm::Partition& partition = slurm::requested_partition(plan.request, site);
  const slurm::Preemption preemption = slurm::preemption_of(site, partition, plan.request.qos);
  if (preemption.mode == slurm::PreemptMode::kCancel && preemption.grace == 0 && chain < 2) {
    warnings.push_back(str("partition ", partition.name,
                           " cancels preempted jobs without notice: the job cannot come back ",
                           "by itself; submit it with --chain 3, then the next link goes on from the last checkpoint"));
  } else if (preemption.mode == slurm::PreemptMode::kCancel && chain < 2 && plan.requeue) {
    warnings.push_back(str("partition ", partition.name, " cancels preempted jobs after ", preemption.grace,
                           " s: when saving takes longer, only a chain comes back (--chain 3)"));
  }
  if (!plan.requeue && chain < 2) {
    warnings.push_back(
        "this job may not be requeued: after a preemption, a node failure or the time limit submit it again, "
        "or use --chain 3");
  }
  if (preemption.mode != slurm::PreemptMode::kOff && preemption.grace > 0 &&
      plan.measured > static_cast<double>(preemption.grace)) {
    const std::string gives = str("partition ", partition.name, " gives only ", preemption.grace, " s before it kills");
    warnings.push_back(plan.program_run ? str("program.stop_seconds = ", decimals(plan.measured), ", but ", gives,
                                              ": what the program has not saved by then is lost")
                                        : str("a step and a save of this run take ", decimals(plan.measured),
                                              " s, but ", gives, ": set checkpoint.every_minutes to what may be lost"));
  }
  if (plan.program_run && plan.program_run->stop_signal != "TERM" && slurm::noticed_by_term(plan.request, site)) {
    warnings.push_back(str("partition ", partition.name, " gives notice of a preemption by SIGTERM, but ",
                           "program.stop_signal = ", plan.program_run->stop_signal,
                           ": a program that does not handle SIGTERM too ends without saving"));
  }
  if (partition.state != "up") warnings.push_back(str("partition ", partition.name, " is ", partition.state, " now"));
  const auto& accounts = partition.allow_accounts;
  const std::string account = account_of(plan, site);
  if (!accounts.empty() && !account.empty() && std::ranges::count(accounts, account) == 0) {
    warnings.push_back(str("partition ", partition.name, " does not take account ", account));
  }
  return warnings;
}

std::string price_text(const slurm::ScriptPlan& plan, const slurm::Site& site,
                       const std::optional<std::vector<slurm::FairShare>>& shares) {
  const slurm::Partition& partition = slurm::requested_partition(plan.request, site);
  const auto per_hour = slurm::billing_per_hour(plan.geometry, partition, site.billing_takes_largest);
  const double hours = static_cast<double>(plan.geometry.seconds) / 3600;
  std::string text;
  if (per_hour) {
    text = str(decimals(*per_hour), " billing units an hour, ", decimals(*per_hour * hours),
               " billing units for the whole time limit");
  } else {
    const auto cores = plan.geometry.ranks() * plan.geometry.cpus_per_task;
    text = str("partition ", partition.name, " has no billing weights: ", cores, " core hours an hour, ",
               decimals(static_cast<double>(cores) * hours), " core hours for the whole time limit");
  }
  if (plan.runs.size() > 1) text += str(", each of ", plan.runs.size(), " tasks");
  if (!shares) return text;
  for (const slurm::FairShare& share : *shares) {
    if (share.account != account_of(plan, site) && !(account_of(plan, site).empty() && shares->size() == 1)) continue;
    text +=
        str("; account ", share.account, " has used ", decimals(100 * share.usage), "% of the cluster with a share of ",
            decimals(100 * share.normalized_share), "%, fair-share factor ", decimals(share.factor), " (0 to 1)");
  }
  return text;
}

std::optional<double> promised_start(const std::string& text) {
  constexpr std::string_view kWords = "to start at ";
  const std::size_t at = text.find(kWords);
  if (at == std::string::npos) return std::nullopt;
  std::tm parts{};
  if (::strptime(text.c_str() + at + kWords.size(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return std::nullopt;
  parts.tm_isdst = -1;
  return static_cast<double>(std::mktime(&parts));
}

std::vector<std::int64_t> candidate_nodes(std::int64_t wished, std::int64_t ranks_per_node, std::int64_t most_nodes,
                                          const slurm::LayoutNeeds& needs, std::size_t most) {
  std::set<std::int64_t> counts;
  const auto consider = [&](std::int64_t nodes) {
    const std::int64_t ranks = nodes * ranks_per_node;
    const auto dp = slurm::fit_data_parallel(needs, ranks);
    // Only sizes that leave no rank idle, since an idle GPU is paid for.
    if (nodes >= 1 && nodes <= most_nodes && dp && needs.tp * needs.pp * *dp == ranks) counts.insert(nodes);
  };
  for (std::int64_t nodes = wished; nodes >= 1 && counts.size() < most / 2 + 1; nodes /= 2) consider(nodes);
  for (std::int64_t nodes = 2 * wished; nodes <= most_nodes && counts.size() < most; nodes *= 2) consider(nodes);
  return {counts.begin(), counts.end()};
}

double planned_seconds(double seconds, std::int64_t measured_ranks, std::int64_t ranks,
                       const slurm::LayoutNeeds& needs) {
  const auto used = [&](std::int64_t all) {
    return static_cast<double>(needs.tp * needs.pp * slurm::fit_data_parallel(needs, all).value_or(1));
  };
  return seconds * used(measured_ranks) / used(ranks);
}

}  // namespace trireme::launcher
