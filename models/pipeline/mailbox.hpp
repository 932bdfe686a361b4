// Holds tensors on their way between stages: computed ones that wait to be sent, and those that are arriving.
#pragma once

#include <ATen/core/Tensor.h>

#include <deque>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "collectives/communicator.hpp"
#include "models/pipeline/links.hpp"
#include "models/schedule/schedule.hpp"

namespace trireme::pipeline {

/// A rank's traffic in one step or one evaluation. A receive is waited for when its tensor is taken, sends at the end;
/// what has been sent is freed as soon as it is seen to be done.
class Mailbox {
 public:
  /// `links` may be null with one stage. `options` and `shape`: type, device and shape of what is received.
  Mailbox(StageLinks* links, at::TensorOptions options, std::vector<std::int64_t> shape);
  ~Mailbox();

  /// Stores a result of this rank: the output of `chunk`, or the gradient of its input.
  void put(schedule::Payload payload, int chunk, int micro_batch, at::Tensor tensor);
  /// Returns what put() or a receive stored under this name, and waits for it if necessary.
  at::Tensor take(schedule::Payload payload, int chunk, int micro_batch);
  /// Starts all transfers of an exchange, those of one communicator as one group.
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
    bool done = false;
  };
  /// Memory for a receive that was free at a moment, so that the receive need not wait for what is computed since.
  struct Spare {
    at::Tensor tensor;
    std::shared_ptr<collectives::Moment> since;
  };
  void start_group(const schedule::LinkGroup& group);
  Spare take_spare();
  void keep_spares(std::size_t count);
  static void complete(Group& group);

  StageLinks* links_;
  at::TensorOptions options_;
  std::vector<std::int64_t> shape_;
  std::map<Key, at::Tensor> here_;
  std::map<Key, std::shared_ptr<Group>> arriving_;  ///< the group that brings each tensor
  std::deque<std::shared_ptr<Group>> running_;
  std::deque<Spare> spares_;  ///< on devices: as many as the largest group so far received
};

}  // namespace trireme::pipeline
