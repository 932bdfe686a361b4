// The inputs of a run, the same on all ranks: its options and its datasets.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "collectives/mpi/world.hpp"
#include "io/tokens/data_source.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/resolve.hpp"
#include "launcher/session/device.hpp"
#include "launcher/session/sample_prompts.hpp"

namespace trireme::launcher {

struct RunInput {
  options::Resolved resolved;
  std::unique_ptr<tokens::DataSource> train;
  std::unique_ptr<tokens::DataSource> valid;  ///< null without data.valid
  tokens::SkippedSamples skip;                ///< data.skip
  std::optional<SamplePrompts> prompts;       ///< nothing without log.sample_prompts
  std::vector<std::string> changed_ends;      ///< options::changed_ends() between model.init_from and this model

  const options::RunOptions& options() const { return resolved.options; }
};

/// Collective: runs `action` on rank 0. If it throws, every rank throws the same error, so that rank 0 reports it.
void on_rank_0(collectives::MpiWorld& world, const std::function<void()>& action);

/// Collective. Calls `read` on rank 0 and returns its result on all ranks.
options::RunOptions share_options(collectives::MpiWorld& world, const std::function<options::RunOptions()>& read);

/// Collective: calls line.parse(arguments) on every rank, but only rank 0 prints --help. Returns false after --help.
bool parse_once(const collectives::MpiWorld& world, options::CommandLine& line, const options::Arguments& arguments);

/// Collective, for training: opens the datasets and resolves the options for `device`. Logs when the requested
/// precision is not possible. Throws the same base::InputError on all ranks for anything that cannot be trained.
RunInput prepare_training(collectives::MpiWorld& world, base::FileSystem& files, options::RunOptions options,
                          const Device& device, const base::Log& log);

/// Sets the precision in which this attempt will compute, so that the log, run.ini and the checkpoints all say the
/// same. Logs when the requested one is not possible.
void fit_precision(options::RunOptions& options, const Device& device, const base::Log& log);

}  // namespace trireme::launcher
