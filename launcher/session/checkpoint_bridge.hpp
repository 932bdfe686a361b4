// Connects tensors and checkpoints: presents the trainer's state as boxes of a checkpoint, and fills it from one.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "io/checkpoint/load/reader.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"
#include "io/checkpoint/save/writer.hpp"
#include "launcher/session/device.hpp"
#include "models/pipeline/trainer.hpp"

namespace trireme::launcher {

/// The parts of `state` that belong into a checkpoint; the boxes point into the tensors' memory.
std::vector<checkpoint::StoredBox> stored_boxes(const std::vector<pipeline::StateTensor>& state);

/// The memory that holds the boxes of a trainer on `device`.
std::unique_ptr<checkpoint::StateMemory> state_memory(at::Device device);
/// Allocates host memory for snapshots; it is pinned when the device is a GPU.
checkpoint::AllocateHost snapshot_allocator(const Device& device);

/// Collective. Fills the trainer's parameters and, unless `weights_only`, Adam's moments from an open checkpoint.
/// `allow`: as in checkpoint::LoadOptions; elements that the checkpoint does not have keep their values. Errors as
/// checkpoint::Reader::load.
checkpoint::LoadResult load_state(checkpoint::Reader& reader, pipeline::Trainer& trainer, bool weights_only,
                                  const std::vector<std::string>& allow);

/// Collective. Opens the checkpoint in `step_directory` and fills the parameters only.
checkpoint::LoadResult load_weights(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                    pipeline::Trainer& trainer, const std::filesystem::path& step_directory,
                                    const std::vector<std::string>& allow);

}  // namespace trireme::launcher
