// What a trained model needs before it computes: resolved options, datasets, the tokenizer. The same on all ranks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "collectives/mpi/world.hpp"
#include "io/tokens/data_source.hpp"
#include "launcher/options/resolve.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/session/device.hpp"
#include "launcher/session/model_source.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

/// Collective: rank 0 finds the model that a command line names (find_model) and logs its notes; every rank gets the
/// result.
ModelSource share_model(collectives::MpiWorld& world, base::FileSystem& files, const options::RunArguments& run,
                        const std::string& checkpoint, const base::Log& log);

/// What a command wants besides the weights.
struct ModelUse {
  bool tokenizer = false;         ///< ModelInput::tokenizer_json
  bool datasets = false;          ///< ModelInput::datasets
  std::vector<std::string> data;  ///< lists of datasets (--data); empty: data.valid
  std::int64_t sequence = 0;      ///< tokens of a sample, at most the model's; 0: the model's
  std::int64_t samples = 0;       ///< the first ones of each dataset that are read; 0: all
};

struct NamedDataset {
  std::string name;                          ///< the path, as it was given or as team:NAME stands for
  std::unique_ptr<tokens::DataSource> data;  ///< this dataset alone, in order
};

struct ModelInput {
  options::Resolved resolved;
  ModelSource source;
  std::vector<NamedDataset> datasets;
  std::string tokenizer_json;

  const options::RunOptions& options() const { return resolved.options; }
};

/// Collective. The layout comes from the options where it fits the number of ranks; otherwise every rank holds the
/// whole model, and the log says so. The tokenizer is the model's (ModelSource::tokenizer_json), else that of
/// data.tokenizer, of data.train or of data.valid. Throws the same base::InputError on all ranks: no dataset though one
/// is needed, a dataset or a data.tokenizer of another tokenizer than the model's, a vocabulary that the model does not
/// have, no tokenizer to be found, a dataset with nothing to predict in the samples that are read.
ModelInput prepare_model(collectives::MpiWorld& world, base::FileSystem& files, ModelSource source, const ModelUse& use,
                         const Device& device, const base::Log& log);

/// Collective: fills the weights of a session for inference from the step directory or the Hugging Face directory of
/// `source`. Errors as checkpoint::Reader::load and load_hub_weights.
void load_model(Session& session, base::FileSystem& files, const ModelSource& source);

}  // namespace trireme::launcher
