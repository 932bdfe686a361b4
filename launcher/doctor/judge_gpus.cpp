// Checks whether every rank has a GPU of its own, of the same kind, with free memory.
#include <algorithm>

#include "base/error.hpp"
#include "launcher/console/format.hpp"
#include "launcher/doctor/common_value.hpp"
#include "launcher/doctor/judgement.hpp"

namespace trireme::doctor {
namespace {

using base::str;

/// A GPU with a smaller share of free memory is in use by someone else; a driver alone takes less than the rest.
constexpr double kFreeShare = 0.9;

void find_missing(const Survey& survey, std::vector<Finding>& findings) {
  std::vector<int> unusable;
  std::vector<int> without;
  for (const Rank& rank : survey.ranks) {
    if (rank.gpu_unusable) unusable.push_back(rank.rank);
    if (!rank.gpu && !rank.gpu_unusable) without.push_back(rank.rank);
  }
  if (!unusable.empty()) {
    const Rank& first = survey.ranks[static_cast<std::size_t>(unusable.front())];
    findings.push_back({Severity::kDefect, "gpu",
                        str(places(survey, unusable), " cannot use the GPU that is visible: ", first.no_gpu), unusable,
                        "GPU unusable"});
  }
  if (without.empty()) return;
  const std::string& reason = survey.ranks[static_cast<std::size_t>(without.front())].no_gpu;
  const bool none_anywhere = without.size() == survey.ranks.size();
  if (none_anywhere && survey.wanted_device == "cuda") {
    findings.push_back({Severity::kDefect, "gpu",
                        str("train.device = cuda, but no rank has a GPU (", reason,
                            "): ask the queue for GPUs, or set train.device to auto or cpu"),
                        without, "no GPU"});
  } else if (!none_anywhere && without.size() + unusable.size() < survey.ranks.size()) {
    findings.push_back({Severity::kDefect, "gpu",
                        str(places(survey, without), has(without), " no GPU while others have one (", reason,
                            "): ask for as many GPUs on every node as it has ranks (--gpus-per-node)"),
                        without, "no GPU"});
  }
}

void find_shared(const Survey& survey, std::vector<Finding>& findings) {
  std::map<std::string, std::vector<int>> by_uuid;
  for (const Rank& rank : survey.ranks) {
    if (rank.gpu) by_uuid[rank.gpu->uuid].push_back(rank.rank);
  }
  std::vector<int> sharing;
  std::string first_uuid;
  std::size_t shared = 0;
  for (const auto& [uuid, ranks] : by_uuid) {
    if (ranks.size() < 2) continue;
    if (++shared == 1) first_uuid = uuid;
    sharing.insert(sharing.end(), ranks.begin(), ranks.end());
  }
  if (shared == 0) return;
  std::sort(sharing.begin(), sharing.end());
  findings.push_back({Severity::kDefect, "gpu",
                      str(places(survey, by_uuid[first_uuid]), " use one GPU, ", first_uuid,
                          shared > 1 ? str(" (and ", shared - 1, " more GPUs are shared)") : "",
                          ": start one rank per GPU, or let the launcher show each rank a different one"),
                      sharing, "shared GPU"});
}

void find_other_kind(const Survey& survey, std::vector<Finding>& findings) {
  std::map<int, std::string> names;
  for (const Rank& rank : survey.ranks) {
    if (rank.gpu) names[rank.rank] = rank.gpu->name;
  }
  const Minority minority = minority_of(names);
  if (minority.ranks.empty()) return;
  findings.push_back({Severity::kWarning, "gpu",
                      str(places(survey, minority.ranks), has(minority.ranks), " a ", names[minority.ranks.front()],
                          " where most have a ", minority.common,
                          ": all ranks go at the speed of the slowest; ask for one kind "
                          "(--constraint, --gpus-per-node=TYPE:N)"),
                      minority.ranks, "other GPU"});
}

void find_busy(const Survey& survey, std::vector<Finding>& findings) {
  std::vector<int> busy;
  for (const Rank& rank : survey.ranks) {
    if (rank.gpu &&
        static_cast<double>(rank.gpu->free_bytes) < kFreeShare * static_cast<double>(rank.gpu->memory_bytes)) {
      busy.push_back(rank.rank);
    }
  }
  if (busy.empty()) return;
  const Gpu& first = *survey.ranks[static_cast<std::size_t>(busy.front())].gpu;
  findings.push_back({Severity::kWarning, "gpu",
                      str(places(survey, busy), has(busy), " a GPU whose memory is in use already (",
                          launcher::format_bytes(static_cast<double>(first.free_bytes)), " of ",
                          launcher::format_bytes(static_cast<double>(first.memory_bytes)),
                          " free): another process holds it; look with nvidia-smi on that node"),
                      busy, "GPU in use"});
}

void find_sick(const Survey& survey, bool broken, std::vector<Finding>& findings) {
  std::vector<int> sick;
  for (const Rank& rank : survey.ranks) {
    if (rank.gpu && !rank.gpu->sickness.empty() && rank.gpu->broken == broken) sick.push_back(rank.rank);
  }
  if (sick.empty()) return;
  const std::string& first = survey.ranks[static_cast<std::size_t>(sick.front())].gpu->sickness;
  if (broken) {
    findings.push_back({Severity::kDefect, "gpu",
                        str(places(survey, sick), has(sick), " a GPU that the driver reports as broken (", first,
                            "): leave the node out (--exclude) and tell its administrators"),
                        sick, "GPU broken"});
  } else {
    findings.push_back(
        {Severity::kWarning, "gpu",
         str(places(survey, sick), has(sick), " a GPU that is slowed down (", first,
             "): all ranks go at the speed of the slowest; leave the node out, or tell its administrators"),
         sick, "GPU slowed"});
  }
}

}  // namespace

std::vector<Finding> judge_gpus(const Survey& survey) {
  std::vector<Finding> findings;
  if (survey.wanted_device == "cpu") return findings;
  find_missing(survey, findings);
  find_shared(survey, findings);
  find_other_kind(survey, findings);
  find_busy(survey, findings);
  find_sick(survey, true, findings);
  find_sick(survey, false, findings);
  if (!survey.transport_error.empty()) {
    findings.push_back({Severity::kDefect,
                        "link",
                        str("NCCL does not connect the GPUs: ", survey.transport_error,
                            "; run again with NCCL_DEBUG=INFO to see which network it takes"),
                        {},
                        ""});
  }
  return findings;
}

}  // namespace trireme::doctor
