// The ranks set up for one layout: device and threads, communicators, and the model, to be trained or to be used. All
// ranks build it together and destroy it in reverse order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collectives/mpi/watchdog.hpp"
#include "collectives/mpi/world.hpp"
#include "collectives/topology/mesh.hpp"
#include "io/tokens/data_source.hpp"
#include "launcher/options/resolve.hpp"
#include "launcher/session/communicator_coordinator.hpp"
#include "launcher/session/device.hpp"
#include "models/pipeline/groups.hpp"
#include "models/pipeline/trainer.hpp"

namespace trireme::launcher {

/// What a rank computes with.
struct Processor {
  at::Device device = at::kCPU;
  int threads = 1;                                             ///< LibTorch's threads on this rank
  pipeline::Precision precision = pipeline::Precision::kFp32;  ///< train.precision in the resolved options
};

enum class Purpose {
  kTraining,  ///< weights, gradients and what the optimizer keeps
  kInference  ///< weights only
};

class Session {
 public:
  /// Collective. `resolved` and `device` must outlive the session. Sets LibTorch's threads, builds communicators and
  /// model (parameters not yet initialised). `watchdog`, which must outlive the session, tells on GPUs a late rank
  /// from an operation that hangs; may be null.
  Session(collectives::MpiWorld& world, const options::Resolved& resolved, const Device& device, Purpose purpose,
          collectives::Watchdog* watchdog = nullptr);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  collectives::MpiWorld& world() { return world_; }
  const options::Resolved& resolved() const { return resolved_; }
  const topology::Mesh& mesh() const { return mesh_; }
  topology::Coordinates position() const { return mesh_.coordinates(world_.rank()); }
  const Processor& processor() const { return processor_; }
  const Device& device() const { return device_; }
  checkpoint::Coordinator& coordinator() { return *coordinator_; }
  /// For a thread that works beside the training's.
  checkpoint::Coordinator& background_coordinator() { return *background_coordinator_; }
  /// Only a session for training has one.
  pipeline::Trainer& trainer();
  /// The model without gradients: a training's as it is now, else the only thing there is.
  pipeline::Inference& model() { return trainer_ ? trainer_->inference() : *inference_; }

  /// The number of ranks on this rank's node.
  int ranks_on_node() const { return ranks_on_node_; }
  /// The names of the nodes, in the order of their first ranks.
  const std::vector<std::string>& hosts() const { return hosts_; }
  /// The node of each rank.
  const std::vector<std::string>& host_of_rank() const { return host_of_rank_; }
  /// High water of the memory that this rank's tensors took on its GPU, in bytes; 0 on a CPU.
  std::uint64_t device_memory() const;

  /// Seconds for which this rank's main thread stood in communication so far; of saves only what is not in the
  /// background, and not theirs.
  double waited_seconds() const { return world_.trace().waited_seconds({"background", "checkpoint"}); }

  /// Collective: the measured matmul FLOP/s of all ranks together.
  double measure_peak();
  /// A batch as tensors on this rank's device. `step` keys dropout; `types` are the tokens' types, empty: all 0.
  transformer::MicroBatch micro_batch(const tokens::Batch& batch, std::int64_t step,
                                      const std::vector<std::int64_t>& types = {}) const;
  /// Collective: the mean loss over the first samples of a dataset, in file order; `count` comes from
  /// validation_count(). `keep_going` is called between groups of micro-batches, collectively and with the same answer
  /// on all ranks; when it returns false, nothing is returned.
  struct Validation {
    double loss = 0.0;
    std::int64_t targets = 0;
  };
  std::optional<Validation> validate(
      const tokens::DataSource& source, std::uint64_t count,
      const std::function<bool()>& keep_going = [] { return true; });

  /// Collective; call it at an orderly end: waits for the communicators' operations and closes them.
  void finish();

 private:
  collectives::MpiWorld& world_;
  const options::Resolved& resolved_;
  const Device& device_;
  topology::Mesh mesh_;
  Processor processor_;
  std::vector<std::string> hosts_;
  std::vector<std::string> host_of_rank_;
  int ranks_on_node_ = 1;
  std::unique_ptr<collectives::Communicator> host_world_;
  std::unique_ptr<collectives::Communicator> device_world_;  ///< null on the CPU, where host_world_ is used
  pipeline::OwnedGroups groups_;
  std::unique_ptr<collectives::Communicator> checkpoint_world_;
  std::unique_ptr<collectives::Communicator> background_world_;
  std::unique_ptr<CommunicatorCoordinator> coordinator_;
  std::unique_ptr<CommunicatorCoordinator> background_coordinator_;
  std::unique_ptr<pipeline::Trainer> trainer_;      ///< null in inference
  std::unique_ptr<pipeline::Inference> inference_;  ///< null in training
};

}  // namespace trireme::launcher
