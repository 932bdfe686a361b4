#include "slurm/site/mpi_text.hpp"

#include <algorithm>
#include <sstream>

#include "base/words.hpp"
#include "slurm/site/slurm_text.hpp"

namespace trireme::slurm {
namespace {

std::string after(const std::string& line, const std::string& word) {
  const std::size_t found = line.find(word);
  return found == std::string::npos ? "" : base::trimmed(line.substr(found + word.size()));
}

bool is_plugin_name(const std::string& word) { return !word.empty() && word.find_first_of(" .:") == std::string::npos; }

}  // namespace

std::vector<std::string> parse_mpi_types(const std::string& text) {
  std::vector<std::string> types;
  const auto add = [&](std::string word) {
    if (word.starts_with("mpi/")) word.erase(0, 4);
    if (is_plugin_name(word) && word != "none" && std::count(types.begin(), types.end(), word) == 0) {
      types.push_back(word);
    }
  };
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::string versions = after(line, "versions available:");
    if (!versions.empty()) {
      for (const std::string& version : split(versions, ',')) add(version);
      continue;
    }
    const std::string word = base::trimmed(line.starts_with("srun: ") ? line.substr(6) : line);
    add(word);
  }
  return types;
}

std::string parse_mpirun_version(const std::string& text) {
  const std::string first = base::trimmed(text.substr(0, text.find('\n')));
  const std::string open_mpi = after(first, "(Open MPI) ");
  if (!open_mpi.empty()) return "Open MPI " + open_mpi;
  if (first.find("Intel(R) MPI Library") != std::string::npos) {
    const std::string version = after(first, "Version ");
    return "Intel MPI " + version.substr(0, version.find(' '));
  }
  if (first.starts_with("HYDRA")) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const std::string version = after(line, "Version:");
      if (!version.empty()) return "MPICH " + version;
    }
  }
  return first;
}

std::optional<bool> parse_slurm_support(const std::string& text) {
  bool lists_launchers = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool launchers = line.find(" plm: ") != std::string::npos || line.find("mca:plm:") != std::string::npos ||
                           line.find("Launchers available:") != std::string::npos;
    lists_launchers |= launchers;
    if (launchers && line.find("slurm") != std::string::npos) return true;
  }
  return lists_launchers ? std::optional(false) : std::nullopt;
}

}  // namespace trireme::slurm
