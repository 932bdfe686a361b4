// Turns a trainer's configuration into the parts of one rank.
#pragma once

#include "collectives/topology/mesh.hpp"
#include "models/layout/rank_state.hpp"
#include "models/optim/reducer.hpp"
#include "models/parallel/parameters.hpp"
#include "models/pipeline/runner.hpp"
#include "models/pipeline/trainer.hpp"
#include "models/schedule/schedule.hpp"

namespace trireme::pipeline {

/// This rank's coordinates. Throws base::Error when the groups do not fit the degrees.
topology::Coordinates coordinates_of(const TrainerConfig& config, const Groups& groups);

schedule::Plan plan_of(const TrainerConfig& config);

/// The layout of the training's state.
layout::StateLayout state_layout(const TrainerConfig& config);

optim::GradientReducer make_reducer(const TrainerConfig& config, const layout::RankState& rank, const Groups& groups,
                                    parallel::ParameterStore& store);

Stage make_stage(const TrainerConfig& config, const layout::RankState& rank, const Groups& groups,
                 const topology::Coordinates& at, parallel::ParameterStore& store);

at::ScalarType value_type(Precision precision);
at::ScalarType grad_type(Precision precision);

}  // namespace trireme::pipeline
