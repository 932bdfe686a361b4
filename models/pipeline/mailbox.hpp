// Holds tensors on their way between stages: computed ones that wait to be sent, and those that are arriving.
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <map>
#include <tuple>
#include <vector>

#include "collectives/communicator.hpp"
#include "models/schedule/schedule.hpp"

namespace trireme::pipeline {

/// A rank's traffic in one step or one evaluation. Sends are waited for late, receives when their tensor is taken;
/// groups complete in the order in which they started.
class Mailbox {
 public:
  /// `pp` may be null with one stage. `options` and `shape`: type, device and shape of what is received.
  Mailbox(collectives::Communicator* pp, at::TensorOptions options, std::vector<std::int64_t> shape);
  ~Mailbox();

  /// Stores a result of this rank: the output of `chunk`, or the gradient of its input.
  void put(schedule::Payload payload, int chunk, int micro_batch, at::Tensor tensor);
  /// Returns what put() or a receive stored under this name, and waits for it if necessary.
  at::Tensor take(schedule::Payload payload, int chunk, int micro_batch);
  /// Starts all transfers of an exchange as one group.
  void start(const std::vector<schedule::Transfer>& transfers);
  /// Lets the library progress, and frees what was sent.
  void test();
  /// Waits for all transfers.
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
  std::map<Key, std::size_t> arriving_;  ///< number of the group that brings each tensor
  std::deque<Group> running_;
  std::size_t completed_ = 0;  ///< groups completed so far: the number of running_.front()
};

}  // namespace trireme::pipeline
