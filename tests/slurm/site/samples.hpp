// Recorded answers of Slurm's commands (samples/README.md), behind the seam that the real commands stand behind.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "slurm/queue/command.hpp"

namespace trireme::slurm {

inline std::string read_sample(const std::string& version, const std::string& name) {
  std::ifstream file(std::string(TRIREME_SAMPLES) + "/" + version + "/" + name + ".txt");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The sample's name for a command line; "" for one that no sample answers.
inline std::string sample_name(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += word + " ";
  const auto has = [&](const char* part) { return all.find(part) != std::string::npos; };
  if (words[0] == "scontrol") return has("show config") ? "scontrol_show_config" : "scontrol_show_partition";
  if (words[0] == "sacctmgr") return "sacctmgr_show_qos";
  if (words[0] == "srun") return "srun_mpi_list";
  return words[0] == "mpirun" ? "mpirun_version" : words[0];
}

/// Answers from one version's samples; a command without a sample is not installed. `replaced` answers first, by
/// sample name. Counts the calls.
struct Samples {
  std::string version;
  std::map<std::string, std::optional<CommandResult>> replaced;
  std::vector<std::string> calls;

  RunCommand run() {
    return [this](const std::vector<std::string>& words) -> std::optional<CommandResult> {
      const std::string name = sample_name(words);
      calls.push_back(name);
      if (replaced.count(name) > 0) return replaced.at(name);
      const std::string path = std::string(TRIREME_SAMPLES) + "/" + version + "/" + name + ".txt";
      if (!std::filesystem::exists(path)) return std::nullopt;
      return CommandResult{0, read_sample(version, name), ""};
    };
  }
};

}  // namespace trireme::slurm
