// Batch scripts into the queue, through sbatch.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "slurm/queue/command.hpp"

namespace trireme::launcher {

/// sbatch's words: `settings` stand on its command line, where nothing in the environment or in the script overrides
/// them; `more` after them, which overrides them.
std::vector<std::string> sbatch_words(const std::vector<std::string>& settings, const std::vector<std::string>& more,
                                      const std::filesystem::path& script);

/// Why sbatch refused a job, in its own words.
std::string refusal_of(const slurm::CommandResult& answer);

/// "--dependency=…" for a job that begins when `job` has ended for whatever reason.
std::string after(const std::string& job);

/// sbatch has five minutes: it tries again by itself for some.
std::optional<slurm::CommandResult> run_sbatch(const std::vector<std::string>& words);

/// Submits `script` with these settings; the new job's id. base::Error, one sentence, when there is no sbatch, when it
/// refuses (its own reason is named), and when it does not answer: then the job may be in the queue all the same.
std::string submit_script(const std::vector<std::string>& settings, std::vector<std::string> more,
                          const std::filesystem::path& script, const slurm::RunCommand& run = run_sbatch);

}  // namespace trireme::launcher
