#include "launcher/submission/sbatch.hpp"

#include <sstream>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using base::str;

// sbatch's lines that say "error:"; a site's notes may stand before them.
std::string reason_of(const std::string& text) {
  std::string reasons;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find("error: ");
    if (at != std::string::npos) reasons += (reasons.empty() ? "" : "; ") + line.substr(at + 7);
  }
  return reasons.empty() ? text.substr(0, text.find('\n')) : reasons;
}

}  // namespace

std::vector<std::string> sbatch_words(const std::vector<std::string>& settings, const std::vector<std::string>& more,
                                      const std::filesystem::path& script) {
  std::vector<std::string> words = {"sbatch"};
  words.insert(words.end(), settings.begin(), settings.end());
  words.insert(words.end(), more.begin(), more.end());
  words.push_back(script.string());
  return words;
}

std::string refusal_of(const slurm::CommandResult& answer) { return reason_of(answer.error); }

std::string after(const std::string& job) { return "--dependency=afterany:" + job; }

std::optional<slurm::CommandResult> run_sbatch(const std::vector<std::string>& words) {
  constexpr double kLimit = 300;
  return slurm::run_command_within(kLimit, words);
}

std::string submit_script(const std::vector<std::string>& settings, std::vector<std::string> more,
                          const std::filesystem::path& script, const slurm::RunCommand& run) {
  more.emplace_back("--parsable");
  const auto result = run(sbatch_words(settings, more, script));
  if (!result) throw base::Error("there is no sbatch here: take the script to the cluster's login node");
  if (result->exit_code == slurm::kNoAnswer) {
    throw base::Error(str("sbatch gave ", result->error,
                          ": look with squeue whether the job is in the queue before you submit again"));
  }
  if (result->exit_code != 0) {
    throw base::Error(str("sbatch refused the job: ", refusal_of(*result)));
  }
  return result->output.substr(0, result->output.find_first_of(";\n"));
}

}  // namespace trireme::launcher
