// From a trainer's configuration to the parts that one rank is made of.
#pragma once

#include <string>
#include <vector>

#include "collectives/topology/mesh.hpp"
#include "models/optim/reducer.hpp"
#include "models/parallel/parameters.hpp"
#include "models/pipeline/runner.hpp"
#include "models/pipeline/trainer.hpp"
#include "models/schedule/schedule.hpp"
#include "models/transformer/chunk.hpp"

namespace trireme::pipeline {

/// Where this rank stands. Throws base::Error when the groups do not fit the degrees.
topology::Coordinates coordinates_of(const TrainerConfig& config, const Groups& groups);

schedule::Plan plan_of(const TrainerConfig& config);

/// The chunks of a stage, in ascending order: layers are assigned by their cost in operations.
std::vector<transformer::ChunkSpec> chunks_of_stage(const TrainerConfig& config, int stage);

/// The block of a tied embedding whose two ends are on different stages, if this stage has an end ("" = none).
std::string tied_block(const TrainerConfig& config, const std::vector<transformer::ChunkSpec>& chunks);
/// The same, only where this stage has the head's end: the copy that norms do not count.
std::string far_tied_block(const TrainerConfig& config, const std::vector<transformer::ChunkSpec>& chunks);

/// Parameters of the chunks, cut for ZeRO; a tied block with another end elsewhere lies last.
parallel::ParameterStore make_store(const TrainerConfig& config, const std::vector<transformer::ChunkSpec>& chunks,
                                    const topology::Coordinates& at);

optim::GradientReducer make_reducer(const TrainerConfig& config, const std::vector<transformer::ChunkSpec>& chunks,
                                    const Groups& groups, parallel::ParameterStore& store);

Stage make_stage(const TrainerConfig& config, const std::vector<transformer::ChunkSpec>& chunks, const Groups& groups,
                 const topology::Coordinates& at, parallel::ParameterStore& store);

at::ScalarType value_type(Precision precision);
at::ScalarType grad_type(Precision precision);

}  // namespace trireme::pipeline
