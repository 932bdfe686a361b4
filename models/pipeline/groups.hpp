// The communicators of a layout.
#pragma once

#include <memory>

#include "collectives/communicator.hpp"
#include "collectives/topology/mesh.hpp"
#include "models/pipeline/links.hpp"

namespace trireme::pipeline {

/// The communicators of a Trainer or an Inference, which they must outlive. Null = degree 1 (tied: fewer than two
/// stages).
struct Groups {
  collectives::Communicator* world = nullptr;  ///< all ranks of the layout, host memory; null with one rank
  collectives::Communicator* tp = nullptr;     ///< tp, dp, pp and tied serve the memory of the training's device
  collectives::Communicator* dp = nullptr;
  collectives::Communicator* pp = nullptr;
  StageLinks* links = nullptr;                ///< the transfers between the stages of pp
  collectives::Communicator* tied = nullptr;  ///< joins the first and the last stage; null on the stages between
};

/// The group that a rank joins: a colour (< 0: none) and the rank's key, as in Communicator::split.
struct GroupColour {
  int colour = -1;
  int key = 0;
};
struct GroupColours {
  GroupColour tp, dp, pp, tied;
};
GroupColours group_colours(const topology::Mesh& mesh, int rank);

/// Owns the groups that make_groups() split off.
struct OwnedGroups {
  std::unique_ptr<collectives::Communicator> tp, dp, pp, tied;
  std::unique_ptr<StageLinks> links;

  /// Returns the groups. `world`: the host communicator of the same ranks.
  Groups with_world(collectives::Communicator& world) const;
  /// Call it at an orderly end: finishes all groups (Communicator::finish).
  void finish();
};

/// Collective over `ranks`, whose rank numbers are the mesh's. `ranks` serves the memory of the training's device. On a
/// device tp, dp and each link have streams of their own, so that none waits for the end of another's operations.
/// `chunks`: of layers per stage.
OwnedGroups make_groups(collectives::Communicator& ranks, const topology::Mesh& mesh, int chunks);

}  // namespace trireme::pipeline
