// What a run is made of before anything is computed: its options and its datasets, the same on all ranks.
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

namespace trireme::launcher {

struct RunInput {
  options::Resolved resolved;
  std::unique_ptr<tokens::DataSource> train;
  std::unique_ptr<tokens::DataSource> valid;  ///< null without data.valid

  const options::RunOptions& options() const { return resolved.options; }
};

/// Collective: runs `action` on rank 0. If it throws, every rank throws the same error, so that rank 0 reports it.
void on_rank_0(collectives::MpiWorld& world, const std::function<void()>& action);

/// Collective. What `read` returns on rank 0, on all ranks.
options::RunOptions share_options(collectives::MpiWorld& world, const std::function<options::RunOptions()>& read);

/// Collective: line.parse(arguments) everywhere, but --help is printed by rank 0 alone. False after --help.
bool parse_once(const collectives::MpiWorld& world, options::CommandLine& line, const options::Arguments& arguments);

/// Collective, for training: opens the datasets and resolves the options for `device`; the log says so when they
/// cannot have the precision that was asked for. The same base::InputError on all ranks for anything that cannot be
/// trained.
RunInput prepare_training(collectives::MpiWorld& world, base::FileSystem& files, options::RunOptions options,
                          const Device& device, const base::Log& log);

/// Collective, for using a trained model: sizes come from the checkpoint that `path` names (find_checkpoint); the
/// layout from the options where it fits the number of ranks, else every rank holds the whole model (said in the
/// log). `data` replaces data.valid unless empty; with `need_data` one of them must be given. Its tokenizer, or else
/// the one that prompts are encoded with, must be the checkpoint's.
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

/// `path` itself when it holds a manifest, else, when it is a run directory, its newest committed checkpoint.
/// base::InputError naming `path` when it is neither.
std::filesystem::path find_checkpoint(base::FileSystem& files, const std::filesystem::path& path);

}  // namespace trireme::launcher
