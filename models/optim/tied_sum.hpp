// The sum of a tied embedding's gradients over its two ends, which live on the first and on the last pipeline stage.
#pragma once

#include "collectives/communicator.hpp"
#include "models/parallel/parameters.hpp"

namespace trireme::optim {

class TiedSum {
 public:
  /// `tied` joins the two ends; null: this rank has none, or both. Otherwise the tied block is the last one of the
  /// store that has gradients. `tied` and the store must outlive this object.
  TiedSum(parallel::ParameterStore& store, collectives::Communicator* tied) : store_(store), tied_(tied) {}

  /// Call it on both ends when nothing is sent between the stages any more: the far end is done long before the near
  /// one, and its wait must not delay the gradients that the near one needs.
  void run() const;

 private:
  parallel::ParameterStore& store_;
  collectives::Communicator* tied_;
};

}  // namespace trireme::optim
