// Executes a stage's list of actions: the forward and backward passes of its chunks, and the transfers between stages.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "collectives/communicator.hpp"
#include "models/pipeline/links.hpp"
#include "models/schedule/schedule.hpp"
#include "models/transformer/chunk.hpp"

namespace trireme::pipeline {

/// The chunks of one rank. Chunk c of stages * chunks.size() lives on stage c % stages, so chunks[i] has the global
/// number i * stages + stage.
struct Stage {
  int stage = 0;
  int stages = 1;
  collectives::Communicator* pp = nullptr;  ///< null when there is one stage
  StageLinks* links = nullptr;              ///< likewise
  std::vector<transformer::Chunk> chunks;

  int global(int local) const { return local * stages + stage; }
  int total() const { return stages * static_cast<int>(chunks.size()); }
  transformer::Chunk& chunk(int number) { return chunks[static_cast<std::size_t>(number / stages)]; }
};

/// What chunks send each other for micro-batches of B sequences of T tokens: (T or T / tp, B, hidden).
struct Wire {
  std::vector<std::int64_t> shape;
  at::TensorOptions options;
};

/// Called at each layer of a backward pass; `last` is true in the chunk's last pass of this step.
using LayerProgress = std::function<void(std::int64_t layer, bool last)>;

/// Runs one step's passes over `micro_batches`. Returns the loss sum of this stage's head, an fp64 scalar on its
/// device; undefined on a stage without the head.
at::Tensor run_step(Stage& stage, const schedule::StageActions& actions, const Wire& wire,
                    std::span<const transformer::MicroBatch> micro_batches, const LayerProgress& progress);

/// Runs one forward pass through all stages, without gradients. compute(chunk number, input) returns the chunk's
/// output; that of the last chunk is not passed on.
using Compute = std::function<at::Tensor(int chunk, const at::Tensor& input)>;
void relay(Stage& stage, const Wire& wire, const Compute& compute);

}  // namespace trireme::pipeline
