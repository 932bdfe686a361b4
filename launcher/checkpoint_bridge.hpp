// Where tensors meet files: the trainer's state as boxes of a checkpoint and back.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "io/checkpoint/coordinator.hpp"
#include "io/checkpoint/reader.hpp"
#include "io/checkpoint/writer.hpp"
#include "models/pipeline/trainer.hpp"

namespace trireme::launcher {

/// Collective. Saves the parts of `state` that belong into a checkpoint.
checkpoint::SaveResult save_state(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                  const checkpoint::SaveInfo& info, const std::vector<pipeline::StateTensor>& state);

/// Collective. Fills the trainer's parameters and, unless `weights_only`, Adam's moments from an open checkpoint.
/// `allow`: as in checkpoint::LoadOptions; what is not in the checkpoint keeps its values. Errors as
/// checkpoint::Reader::load.
checkpoint::LoadResult load_state(checkpoint::Reader& reader, pipeline::Trainer& trainer, bool weights_only,
                                  const std::vector<std::string>& allow);

/// Collective. Opens the checkpoint in `step_directory` and fills the parameters only.
checkpoint::LoadResult load_weights(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                    pipeline::Trainer& trainer, const std::filesystem::path& step_directory,
                                    const std::vector<std::string>& allow);

}  // namespace trireme::launcher
