#include "slurm/site/partition_text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "slurm/queue/duration.hpp"
#include "slurm/site/hostlist.hpp"

namespace trireme::slurm {
namespace {

constexpr const char* kFirstKey = "PartitionName";

// The names in a list; "ALL" means no restriction and gives none.
std::vector<std::string> names(const std::string& text) {
  std::vector<std::string> list = lower(text) == "all" ? std::vector<std::string>() : split(text, ',');
  std::erase(list, "");
  return list;
}

// The partition's own setting, or the cluster's where it has none ("UNLIMITED").
std::optional<std::int64_t> memory(const Fields& partition, const Fields& config, const std::string& key,
                                   const std::string& other_key) {
  const auto own = leading_number(field(partition, key));
  if (own || leading_number(field(partition, other_key))) return own;
  return leading_number(field(config, key));
}

// Parses minutes; nothing for UNLIMITED.
std::optional<std::int64_t> over_time_limit(const Fields& partition, const Fields& config) {
  std::string text = field(partition, "OverTimeLimit");
  if (text.empty() || text == "NONE") text = field(config, "OverTimeLimit");
  constexpr std::int64_t kMinute = 60;
  if (lower(text) == "unlimited") return std::nullopt;
  return leading_number(text).value_or(0) * kMinute;
}

Partition partition_of(const Fields& fields, const Fields& config) {
  Partition partition;
  partition.name = field(fields, kFirstKey);
  partition.state = lower(field(fields, "State"));
  partition.is_default = field(fields, "Default") == "YES";
  partition.time_limit = parse_duration(field(fields, "MaxTime"));
  partition.default_time = parse_duration(field(fields, "DefaultTime"));
  partition.over_time_limit = over_time_limit(fields, config);
  partition.nodes = leading_number(field(fields, "TotalNodes")).value_or(0);
  partition.min_nodes = leading_number(field(fields, "MinNodes")).value_or(0);
  partition.max_nodes = leading_number(field(fields, "MaxNodes"));
  partition.exclusive = field(fields, "OverSubscribe").starts_with("EXCLUSIVE");
  partition.default_memory_per_cpu = memory(fields, config, "DefMemPerCPU", "DefMemPerNode");
  partition.default_memory_per_node = memory(fields, config, "DefMemPerNode", "DefMemPerCPU");
  partition.max_memory_per_cpu = memory(fields, config, "MaxMemPerCPU", "MaxMemPerNode");
  partition.max_memory_per_node = memory(fields, config, "MaxMemPerNode", "MaxMemPerCPU");
  partition.allow_accounts = names(field(fields, "AllowAccounts"));
  partition.allow_qos = names(field(fields, "AllowQos"));
  partition.priority_tier = leading_number(field(fields, "PriorityTier")).value_or(1);
  partition.preempt_mode = parse_preempt_mode(field(fields, "PreemptMode"));
  partition.grace = leading_number(field(fields, "GraceTime")).value_or(0);
  partition.billing_weights = parse_billing_weights(field(fields, "TRESBillingWeights"));
  return partition;
}

// The unit that the letter after a weight stands for: "G" is 1024 (MiB) for memory and 1024^3 for anything else. `tres`
// is in lower case.
double unit_of(const std::string& tres, char suffix) {
  const std::string units = "KMGTP";
  const std::size_t power = units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(suffix))));
  if (power == std::string::npos) return 1;
  const double exponent = static_cast<double>(power) + (tres == "mem" ? -1.0 : 1.0);
  return std::pow(1024.0, exponent);
}

}  // namespace

PreemptMode parse_preempt_mode(const std::string& text) {
  const std::string word = lower(text);
  if (word.find("requeue") != std::string::npos) return PreemptMode::kRequeue;
  if (word.find("cancel") != std::string::npos) return PreemptMode::kCancel;
  return word.find("suspend") != std::string::npos ? PreemptMode::kSuspend : PreemptMode::kOff;
}

std::map<std::string, double> parse_billing_weights(const std::string& text) {
  std::map<std::string, double> weights;
  for (const std::string& item : split(text, ',')) {
    const std::size_t equals = item.rfind('=');
    if (equals == std::string::npos) continue;
    const std::string tres = lower(item.substr(0, equals)), value = item.substr(equals + 1);
    double weight = 0;
    const auto [stopped, error] = std::from_chars(value.data(), value.data() + value.size(), weight);
    if (error != std::errc()) continue;
    weights[tres] = stopped == value.data() + value.size() ? weight : weight / unit_of(tres, *stopped);
  }
  return weights;
}

std::vector<Partition> parse_partitions(const std::string& text, const Fields& config) {
  const std::vector<Fields> records = parse_records(text, kFirstKey);
  const bool by_tier = field(config, "PreemptType") == "preempt/partition_prio";
  std::vector<Partition> partitions;
  std::vector<std::vector<std::string>> hosts;
  for (const Fields& fields : records) {
    partitions.push_back(partition_of(fields, config));
    hosts.push_back(sorted_hosts(field(fields, "Nodes")));
  }
  for (std::size_t low = 0; low < partitions.size(); ++low) {
    Partition& partition = partitions[low];
    for (std::size_t high = 0; by_tier && high < partitions.size(); ++high) {
      if (partitions[high].priority_tier > partition.priority_tier && partition.preempt_mode != PreemptMode::kOff &&
          share_a_host(hosts[low], hosts[high])) {
        partition.preempted_by.push_back(partitions[high].name);
      }
    }
  }
  for (Partition& partition : partitions) {
    if (partition.preempted_by.empty()) partition.preempt_mode = PreemptMode::kOff;
  }
  return partitions;
}

std::optional<bool> nodes_may_submit(const std::string& text) {
  const std::vector<Fields> records = parse_records(text, kFirstKey);
  const bool all_refuse = std::all_of(records.begin(), records.end(), [](const Fields& partition) {
    const std::string from = field(partition, "AllocNodes");
    return !from.empty() && from != "ALL" && !share_a_host(sorted_hosts(from), sorted_hosts(field(partition, "Nodes")));
  });
  return all_refuse && !records.empty() ? std::optional(false) : std::nullopt;
}

}  // namespace trireme::slurm
