#include "launcher/submission/site_report.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "base/display_width.hpp"
#include "base/error.hpp"
#include "base/terminal.hpp"
#include "base/words.hpp"
#include "launcher/console/format.hpp"
#include "slurm/queue/duration.hpp"
#include "slurm/site/advice.hpp"
#include "slurm/site/slurm_text.hpp"

namespace trireme::launcher {
namespace {

using base::str;

std::string mpi_text(const slurm::Site& site) {
  std::string text = site.mpirun_version.empty() ? "no mpirun" : site.mpirun_version;
  if (!site.mpirun_version.empty() && site.unknown.count("mpirun_has_slurm") == 0) {
    text += site.mpirun_has_slurm ? " with Slurm support" : " without Slurm support";
  }
  if (site.unknown.count("mpi_types") > 0) return text + "; srun --mpi not known";
  return text + "; srun --mpi: " + (site.mpi_types.empty() ? "nothing" : base::join(site.mpi_types));
}

std::string memory_text(std::int64_t mebibytes) {
  constexpr double kMebibyte = 1048576.0;
  return mebibytes == 0 ? "?" : format_bytes(static_cast<double>(mebibytes) * kMebibyte);
}

std::string preempted_text(const slurm::Site& site, const slurm::Partition& partition) {
  if (site.preempt_type == "preempt/qos") return "by QOS";
  switch (partition.preempt_mode) {
    case slurm::PreemptMode::kOff: return "never";
    case slurm::PreemptMode::kRequeue: return "requeue";
    case slurm::PreemptMode::kCancel: return "cancel";
    case slurm::PreemptMode::kSuspend: return "suspend";
  }
  return "";
}

std::vector<std::string> row_of(const slurm::Site& site, const slurm::Partition& one) {
  const bool mixed = one.node_kinds.size() > 1;
  std::string gpus = one.gpus_per_node == 0 ? "-" : std::to_string(one.gpus_per_node);
  if (!one.gpu_type.empty()) gpus += " " + one.gpu_type;
  return {one.name + (one.is_default ? "*" : ""),
          one.state,
          std::to_string(one.nodes),
          one.cpus_per_node == 0 ? "?" : str(one.cpus_per_node, mixed ? "+" : ""),
          memory_text(one.memory_per_node) + (mixed ? "+" : ""),
          gpus + (mixed && one.gpus_per_node > 0 ? "+" : ""),
          one.time_limit ? slurm::format_slurm_duration(*one.time_limit) : "none",
          one.max_nodes ? std::to_string(*one.max_nodes) : "-",
          std::to_string(one.priority_tier),
          preempted_text(site, one),
          one.preempt_mode == slurm::PreemptMode::kOff ? "" : str(one.grace, " s")};
}

// Indents the first line by two columns and the following ones by four.
std::string wrapped(const std::string& text) {
  const std::size_t width = std::min<std::size_t>(100, base::terminal_columns(1).value_or(100));
  std::string result, line = " ";
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (base::display_width(line) + 1 + base::display_width(word) > width) {
      result += line + "\n";
      line = "   ";
    }
    line += " " + word;
  }
  return result + line + "\n";
}

}  // namespace

std::string site_table(const slurm::Site& site) {
  std::string text = str("cluster   ", site.cluster, ", Slurm ", site.slurm_version, ", ", site.preempt_type,
                         "\nMPI       ", mpi_text(site), "\n\n");
  std::vector<std::vector<std::string>> rows = {{"partition", "state", "nodes", "CPUs", "memory", "GPUs", "time limit",
                                                 "nodes/job", "tier", "preempted", "grace"}};
  for (const slurm::Partition& one : site.partitions) rows.push_back(row_of(site, one));
  return text + format_table(rows, {.right = {2, 3, 4, 6, 7, 8, 10}, .spare = {8, 7, 1, 5, 4, 3, 10, 9}}) +
         "* default; CPUs, memory and GPUs are a node's; +: of the smallest, others have more or differ\n";
}

std::string fair_share_table(const std::vector<slurm::FairShare>& shares) {
  if (shares.empty()) return "";
  std::vector<std::vector<std::string>> rows = {{"account", "shares", "normalized", "usage", "fair-share factor"}};
  const auto printed = [](const char* format, double value) {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    return std::string(text);
  };
  for (const slurm::FairShare& one : shares) {
    rows.push_back({one.account, one.raw_shares, printed("%.3g%%", one.normalized_share * 100),
                    printed("%.3g%%", one.usage * 100), printed("%.3f", one.factor)});
  }
  return format_table(rows, {.right = {1, 2, 3, 4}, .spare = {1, 2}});
}

std::string advice_text(const slurm::Site& site) {
  std::string text, topic;
  for (const slurm::Advice& advice : slurm::advise(site)) {
    if (advice.topic != topic) text += (text.empty() ? "" : "\n") + advice.topic + "\n";
    topic = advice.topic;
    const std::string subject = advice.subjects.empty() ? "" : base::join(advice.subjects) + ":";
    text += wrapped((subject.empty() ? "" : subject + " ") + advice.text);
  }
  return text;
}

}  // namespace trireme::launcher
