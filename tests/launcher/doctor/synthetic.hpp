// Healthy surveys of made-up clusters, for tests to break.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "launcher/doctor/judgement.hpp"

namespace trireme::doctor {

struct Cluster {
  int nodes = 4;
  int ranks_per_node = 4;
  bool gpus = true;
};

/// Every rank has eight CPUs and, when wanted, a GPU of its own; all measurements are equal.
inline Survey healthy(const Cluster& cluster = {}) {
  Survey survey;
  survey.directory = "/scratch/run";
  for (int rank = 0; rank < cluster.nodes * cluster.ranks_per_node; ++rank) {
    Rank facts;
    facts.rank = rank;
    facts.host = "n" + std::to_string(rank / cluster.ranks_per_node);
    const int local = rank % cluster.ranks_per_node;
    for (int cpu = 0; cpu < 8; ++cpu) facts.cpus.push_back(local * 8 + cpu);
    if (cluster.gpus) {
      facts.gpu = Gpu{"NVIDIA H100", "GPU-" + std::to_string(rank), 80'000'000'000, 79'000'000'000};
    } else {
      facts.no_gpu = "no GPU visible";
    }
    facts.memory_bytes = 512'000'000'000;
    facts.versions = {{"MPI", "Open MPI v4.1.4"}, {"HDF5", "1.10.8"}, {"build", "38dfbf718a14f9fc"}};
    facts.files = {{"libc.so.6", "aa"}, {"libz.so.1", "bb"}};
    survey.ranks.push_back(facts);
    survey.views.push_back({true, true, true, "lustre", ""});
  }
  survey.nodes = nodes_of(survey.ranks);
  for (Node& node : survey.nodes) {
    node.clock_error_seconds = 1e-5;
    node.write_rate = 1e9;
    node.read_rate = 2e9;
  }
  for (int rank = 0; rank + 1 < cluster.nodes * cluster.ranks_per_node; ++rank) {
    const bool within = (rank + 1) % cluster.ranks_per_node != 0;
    survey.links.push_back(
        {rank, rank + 1, within ? LinkKind::kWithinNode : LinkKind::kBetweenNodes, within ? 1e11 : 2e10});
  }
  survey.all_reduce = {1 << 28, 0.01};
  return survey;
}

/// The one finding there must be; an empty one with a sentence that says how many there were, otherwise.
inline Finding only(const std::vector<Finding>& findings) {
  if (findings.size() == 1) return findings.front();
  Finding none;
  none.sentence = std::to_string(findings.size()) + " findings";
  for (const Finding& finding : findings) none.sentence += "; " + finding.sentence;
  return none;
}

}  // namespace trireme::doctor
