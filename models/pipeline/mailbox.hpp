// Tensors on their way between stages: what was computed and waits to be sent, and what is arriving.
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <map>
#include <tuple>
#include <vector>

#include "collectives/communicator.hpp"
#include "models/schedule/schedule.hpp"

namespace trireme::pipeline {

/// One step's (or one evaluation's) traffic of a rank. Sends are waited for lazily, receives when their tensor is
/// taken; groups complete in the order in which they started.
class Mailbox {
 public:
  /// `pp` may be null with one stage. `arriving`: an example of what is received (shape, type, device).
  Mailbox(collectives::Communicator* pp, at::TensorOptions options, std::vector<std::int64_t> shape);
  ~Mailbox();

  /// A result of this rank: the output of `chunk`, or the gradient of its input.
  void put(schedule::Payload payload, int chunk, int micro_batch, at::Tensor tensor);
  /// What put() or a receive brought under this name; waits for it if need be.
  at::Tensor take(schedule::Payload payload, int chunk, int micro_batch);
  /// Starts all transfers of an exchange as one group.
  void start(const std::vector<schedule::Transfer>& transfers);
  /// Gives the library a chance to progress, and frees what was sent.
  void test();
  /// Waits for everything.
  void finish();

 private:
  using Key = std::tuple<schedule::Payload, int, int>;
  struct Group {
    collectives::Request request;
    std::vector<at::Tensor> sending;
  };
  void complete_first();

  collectives::Communicator* pp_;
  at::TensorOptions options_;
  std::vector<std::int64_t> shape_;
  std::map<Key, at::Tensor> here_;
  std::map<Key, std::size_t> arriving_;  ///< number of the group that brings it
  std::deque<Group> running_;
  std::size_t completed_ = 0;  ///< groups completed so far: the number of running_.front()
};

}  // namespace trireme::pipeline
