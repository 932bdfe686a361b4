// The inputs of a run, the same on all ranks: its options and its datasets.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

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

/// Collective, for using a trained model. The sizes come from the checkpoint that `path` names (find_checkpoint). The
/// layout comes from the options where it fits the number of ranks; otherwise every rank holds the whole model, and the
/// log says so. `data` replaces data.valid unless it is empty; with `need_data` one of them must be given. The
/// tokenizer of the data, or else the one that encodes prompts, must be the checkpoint's.
struct ModelInput {
  options::Resolved resolved;
  std::filesystem::path checkpoint;
  std::unique_ptr<tokens::DataSource> data;  ///< null unless needed
  std::string tokenizer_json;

  const options::RunOptions& options() const { return resolved.options; }
};
ModelInput prepare_model(collectives::MpiWorld& world, base::FileSystem& files, options::RunOptions options,
                         const std::filesystem::path& path, const std::string& data, bool need_data,
                         const Device& device, const base::Log& log);

/// Returns `path` itself when it holds a manifest, and the newest committed checkpoint when it is a run directory.
/// Throws base::InputError naming `path` when it is neither.
std::filesystem::path find_checkpoint(base::FileSystem& files, const std::filesystem::path& path);

}  // namespace trireme::launcher
