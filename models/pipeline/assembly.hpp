// Turns a configuration into the parts of one rank.
#pragma once

#include <optional>

#include "collectives/topology/mesh.hpp"
#include "models/layout/rank_state.hpp"
#include "models/optim/muon_exchange.hpp"
#include "models/optim/reducer.hpp"
#include "models/parallel/parameters.hpp"
#include "models/pipeline/runner.hpp"
#include "models/pipeline/trainer.hpp"
#include "models/schedule/schedule.hpp"

namespace trireme::pipeline {

/// What one rank of a layout holds to compute the model.
struct RankParts {
  /// Makes them with weights only. Throws base::InputError for a layout that the model does not fit.
  RankParts(const ModelSetup& setup, const Groups& groups);
  /// Makes them with gradients, too.
  RankParts(const TrainerConfig& config, const Groups& groups);
  RankParts(const RankParts&) = delete;
  RankParts& operator=(const RankParts&) = delete;

  ModelSetup setup;
  Groups groups;
  topology::Coordinates at;
  layout::StateLayout layout;
  layout::RankState rank;
  parallel::ParameterStore store;
  Stage stage;

 private:
  RankParts(const ModelSetup& setup, const Groups& groups, layout::StateLayout layout,
            std::optional<at::ScalarType> grad_type, const transformer::ChunkContext& context);
};

/// What chunks send each other for this batch. Under sequence parallel that is T / tp positions; an evaluation of a
/// length that tp does not divide runs without it.
Wire wire_of(const ModelSetup& setup, const transformer::MicroBatch& batch, const at::TensorOptions& options);

schedule::Plan plan_of(const TrainerConfig& config);

/// The layout of the training's state. Throws base::InputError as layout::StateMap does.
layout::StateLayout state_layout(const TrainerConfig& config);

optim::GradientReducer make_reducer(const TrainerConfig& config, RankParts& parts);

/// The ranks that share the stage's matrices among them.
optim::MuonRanks muon_ranks(const RankParts& parts);

at::ScalarType grad_type(Precision precision);

}  // namespace trireme::pipeline
