#include "launcher/supervisor/launcher_words.hpp"

#include <cstdlib>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using base::str;

// The first of "2(x3),1": tasks on this job's first nodes. Nodes differ only when the last one has fewer.
std::string first_number(const std::string& text) { return text.substr(0, text.find_first_not_of("0123456789")); }

}  // namespace

std::int64_t ProgramPlacement::ranks() const {
  return launcher == "none" ? 1 : static_cast<std::int64_t>(hosts.size()) * ranks_per_node;
}

std::vector<std::string> start_words(const ProgramPlacement& placement, const std::string& program,
                                     const std::string& launch_file, const std::string& rendezvous_id, int port) {
  std::vector<std::string> words = placement.prefix;
  if (placement.launcher == "torchrun") {
    const std::size_t nodes = placement.hosts.size();
    words.emplace_back("torchrun");
    words.push_back(str("--nnodes=", nodes));
    words.push_back(str("--nproc-per-node=", placement.ranks_per_node));
    words.emplace_back("--rdzv-backend=c10d");
    words.push_back(str("--rdzv-endpoint=", placement.hosts.front(), ':', port));
    words.push_back("--rdzv-id=" + rendezvous_id);
    words.emplace_back("--max-restarts=0");  // Trireme restarts
    words.emplace_back("--no-python");
  }
  for (const std::string& word : {program, std::string("job"), std::string("rank"), launch_file}) words.push_back(word);
  return words;
}

std::map<std::string, std::string> rank_variables(const std::string& launcher, const slurm::Lookup& lookup) {
  const auto of = [&](const char* name) { return lookup(name).value_or(""); };
  if (launcher == "mpirun") {
    return {{"RANK", of("OMPI_COMM_WORLD_RANK")},
            {"WORLD_SIZE", of("OMPI_COMM_WORLD_SIZE")},
            {"LOCAL_RANK", of("OMPI_COMM_WORLD_LOCAL_RANK")},
            {"LOCAL_WORLD_SIZE", of("OMPI_COMM_WORLD_LOCAL_SIZE")}};
  }
  if (launcher == "srun") {
    return {{"RANK", of("SLURM_PROCID")},
            {"WORLD_SIZE", of("SLURM_STEP_NUM_TASKS")},
            {"LOCAL_RANK", of("SLURM_LOCALID")},
            {"LOCAL_WORLD_SIZE", first_number(of("SLURM_STEP_TASKS_PER_NODE"))}};
  }
  return {};
}

int rank_of(const slurm::Lookup& lookup, const std::map<std::string, std::string>& variables) {
  const auto own = variables.find("RANK");
  return std::atoi((own != variables.end() ? own->second : lookup("RANK").value_or("0")).c_str());
}

}  // namespace trireme::launcher
