// Connects tensors and checkpoints: presents a model's state as boxes of a checkpoint, and fills it from one.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
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

/// Fills boxes in host memory from a checkpoint or from somewhere else.
using FillBoxes = std::function<checkpoint::LoadResult(std::span<const checkpoint::WantedBox> boxes)>;

/// Calls `fill` with the boxes of the tensors: with their own memory where it lies on the host, so that there is no
/// second copy, else with host memory that is copied to the device afterwards. With `keep`, elements that `fill` does
/// not write keep their values. The owner of a Trainer's state calls after_load() then.
checkpoint::LoadResult fill_tensors(std::vector<pipeline::StateTensor> state, bool keep, const FillBoxes& fill);
/// The same for the parameters alone, of a training or of a model that is used; ready for work afterwards.
checkpoint::LoadResult fill_weights(pipeline::Trainer& trainer, bool keep, const FillBoxes& fill);
checkpoint::LoadResult fill_weights(pipeline::Inference& model, const FillBoxes& fill);

/// Collective. Opens the checkpoint in `step_directory` and fills the parameters only.
checkpoint::LoadResult load_weights(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                    pipeline::Trainer& trainer, const std::filesystem::path& step_directory,
                                    const std::vector<std::string>& allow);
/// Collective. The same for a model that is only used; the checkpoint must have all of its parameters.
checkpoint::LoadResult load_weights(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                    pipeline::Inference& model, const std::filesystem::path& step_directory);

}  // namespace trireme::launcher
