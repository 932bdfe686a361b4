#include "slurm/site/node_text.hpp"

#include <algorithm>
#include <sstream>

#include "slurm/site/slurm_text.hpp"

namespace trireme::slurm {
namespace {

constexpr std::size_t kColumns = 5;

// Removes brackets, since the sockets in them have commas of their own: "gpu:a100:4(S:0,2),nic:1".
std::string without_brackets(const std::string& text) {
  std::string outside;
  int depth = 0;
  for (const char c : text) {
    if (c == '(') ++depth;
    if (depth == 0) outside += c;
    if (c == ')' && depth > 0) --depth;
  }
  return outside;
}

// "4", "2K".
std::int64_t count_of(const std::string& text) {
  const std::int64_t count = leading_number(text).value_or(0);
  constexpr std::int64_t kKilo = 1024;
  return !text.empty() && (text.back() == 'K' || text.back() == 'k') ? count * kKilo : count;
}

}  // namespace

Gpus parse_gres(const std::string& text) {
  Gpus gpus;
  bool typed = false;
  for (const std::string& entry : split(without_brackets(text), ',')) {
    std::vector<std::string> parts = split(entry, ':');
    std::erase(parts, "no_consume");
    if (parts.empty() || parts[0] != "gpu") continue;
    const std::int64_t count = parts.size() == 1 ? 1 : count_of(parts.back());
    const std::string type = parts.size() > 2 ? parts[1] : "";
    if (count <= 0) continue;
    gpus.type = !typed || gpus.type == type ? type : "";
    typed = true;
    gpus.count += count;
  }
  return gpus;
}

std::map<std::string, std::vector<NodeKind>> parse_sinfo(const std::string& text) {
  std::map<std::string, std::vector<NodeKind>> partitions;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> columns = split(line, '|');
    if (columns.size() != kColumns || columns[0].empty()) continue;
    const Gpus gpus = parse_gres(columns[4]);
    NodeKind kind{leading_number(columns[1]).value_or(0), leading_number(columns[2]).value_or(0),
                  leading_number(columns[3]).value_or(0), gpus.count, gpus.type};
    if (kind.nodes == 0) continue;
    std::vector<NodeKind>& kinds = partitions[columns[0]];
    const auto same = std::find_if(kinds.begin(), kinds.end(), [&](NodeKind known) {
      known.nodes = kind.nodes;
      return known == kind;
    });
    if (same == kinds.end()) {
      kinds.push_back(kind);
    } else {
      same->nodes += kind.nodes;
    }
  }
  for (auto& [name, kinds] : partitions) {
    std::stable_sort(kinds.begin(), kinds.end(),
                     [](const NodeKind& a, const NodeKind& b) { return a.nodes > b.nodes; });
  }
  return partitions;
}

void set_nodes(Partition& partition, const std::vector<NodeKind>& kinds) {
  partition.node_kinds = kinds;
  partition.nodes = 0;
  bool any_gpu = false;
  for (const NodeKind& kind : kinds) {
    const bool first = partition.nodes == 0;
    partition.nodes += kind.nodes;
    partition.cpus_per_node = first ? kind.cpus : std::min(partition.cpus_per_node, kind.cpus);
    partition.memory_per_node = first ? kind.memory : std::min(partition.memory_per_node, kind.memory);
    if (kind.gpus == 0) continue;
    partition.gpus_per_node = any_gpu ? std::min(partition.gpus_per_node, kind.gpus) : kind.gpus;
    partition.gpu_type = !any_gpu || partition.gpu_type == kind.gpu_type ? kind.gpu_type : "";
    any_gpu = true;
  }
}

}  // namespace trireme::slurm
