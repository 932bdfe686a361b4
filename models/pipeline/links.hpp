// How tensors travel between the stages of a pipeline.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "models/schedule/communicators.hpp"

namespace trireme::pipeline {

/// The transfers of one stage. In host memory one communicator of all stages carries them. On devices each direction
/// between two stages has a communicator and a stream of its own: operations of one communicator run in order, so with
/// a shared one an activation would wait for a gradient that another stage is late with. All of them are connected at
/// once: at its first transfer NCCL would hold up the host until the peer comes, and refuse groups that are no mirror
/// images of each other (schedule/handshake.hpp).
class StageLinks {
 public:
  /// Collective over `stages`, whose ranks are the stage numbers and which must outlive the links. `ring`: the last
  /// stage and the first are neighbours too, as with several chunks per stage.
  StageLinks(collectives::Communicator& stages, bool ring);

  int stage() const { return stages_.rank(); }
  schedule::Communicators communicators() const {
    return own_.empty() ? schedule::Communicators::kOne : schedule::Communicators::kPerLink;
  }
  /// Starts what schedule::groups_of() put together: transfers whose peers are stages, all over one communicator.
  /// `since`: for receives, Communicator::start_exchange_since(); null = now.
  collectives::Request start(const schedule::Link& link, std::vector<collectives::Transfer> transfers,
                             const std::shared_ptr<collectives::Moment>& since = nullptr);
  /// Communicator::moment() of the stages.
  std::shared_ptr<collectives::Moment> moment() { return stages_.moment(); }
  /// Call it at an orderly end (Communicator::finish).
  void finish();

 private:
  collectives::Communicator& stages_;
  std::map<schedule::Link, std::unique_ptr<collectives::Communicator>> own_;  ///< rank 0 sends, rank 1 receives
};

}  // namespace trireme::pipeline
