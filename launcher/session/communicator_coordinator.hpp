// A checkpoint::Coordinator over a host Communicator: with it checkpoints agree and move bytes among ranks.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"

namespace trireme::launcher {

/// How to wait for other ranks. kBusy answers soonest. kIdle looks from time to time and leaves the processor to
/// others; it is for work beside the training.
enum class Waiting { kBusy, kIdle };

/// The communicator must serve host memory and outlive the coordinator. `node` is the index of this rank's node.
class CommunicatorCoordinator final : public checkpoint::Coordinator {
 public:
  CommunicatorCoordinator(collectives::Communicator& communicator, int node, int nodes,
                          Waiting waiting = Waiting::kBusy)
      : communicator_(communicator), node_(node), nodes_(nodes), waiting_(waiting) {}

  int rank() const override { return communicator_.rank(); }
  int size() const override { return communicator_.size(); }
  int node() const override { return node_; }
  int nodes() const override { return nodes_; }
  std::string all_ok(bool ok, const std::string& message) override;
  std::string broadcast_from(int root, std::string bytes) override;
  std::vector<std::string> gather(std::string bytes) override;
  std::vector<std::string> all_gather(std::string bytes) override;
  std::vector<std::string> exchange(std::vector<std::string> to_each) override;
  void barrier() override;
  void give_up() override { given_up_ = true; }

 private:
  /// Waits for the request. Throws base::Error after give_up().
  void complete(collectives::Request request);

  collectives::Communicator& communicator_;
  int node_;
  int nodes_;
  Waiting waiting_;
  std::atomic<bool> given_up_ = false;
};

}  // namespace trireme::launcher
