// How checkpoints agree and move bytes among ranks: a checkpoint::Coordinator over a host Communicator.
#pragma once

#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "io/checkpoint/coordinator.hpp"

namespace trireme::launcher {

/// The communicator must serve host memory and outlive the coordinator. `node` is this rank's node index.
class CommunicatorCoordinator final : public checkpoint::Coordinator {
 public:
  CommunicatorCoordinator(collectives::Communicator& communicator, int node, int nodes)
      : communicator_(communicator), node_(node), nodes_(nodes) {}

  int rank() const override { return communicator_.rank(); }
  int size() const override { return communicator_.size(); }
  int node() const override { return node_; }
  int nodes() const override { return nodes_; }
  std::string all_ok(bool ok, const std::string& message) override;
  std::string broadcast(std::string bytes) override;
  std::vector<std::string> gather(std::string bytes) override;
  std::vector<std::string> all_gather(std::string bytes) override;
  std::vector<std::string> exchange(std::vector<std::string> to_each) override;
  void barrier() override { communicator_.barrier(); }

 private:
  collectives::Communicator& communicator_;
  int node_;
  int nodes_;
};

}  // namespace trireme::launcher
