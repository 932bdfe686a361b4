// Communicator for device memory over NCCL. Only for the sources of libtrireme_cuda.so.
#pragma once

#include <nccl.h>

#include <memory>
#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "collectives/nccl/cuda_functions.hpp"
#include "collectives/nccl/streams.hpp"
#include "collectives/nccl/watch.hpp"
#include "collectives/ops/trace.hpp"

namespace trireme::collectives {

/// Owns an ncclComm_t in blocking mode. Operations run on a communication stream after all work that the compute stream
/// holds; wait() makes the compute stream wait for them. Buffers must live until then (and, in torch's caching
/// allocator, be used on the compute stream). One host thread at a time issues operations, and all ranks issue those of
/// all their communicators in one order; communicators with streams of their own do not wait for each other's on the
/// device. After a failure of any communicator of this rank (nccl/watch.hpp) every call throws it.
class NcclCommunicator final : public Communicator {
 public:
  static std::unique_ptr<Communicator> make_world(const NcclWorldOptions& options);
  /// Calls finish(). While an exception unwinds it aborts all communicators of this rank, so that memory can be freed.
  ~NcclCommunicator() override;

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(ranks_.size()); }
  const std::string& name() const override { return name_; }
  bool on_device() const override { return true; }

  Request start_all_reduce(void* data, std::size_t count, DataType type, ReduceOp op) override;
  Request start_reduce_scatter(const void* send, void* receive, std::size_t count, DataType type, ReduceOp op) override;
  Request start_all_gather(const void* send, void* receive, std::size_t count, DataType type) override;
  std::vector<Request> start_all_gathers(const std::vector<Gather>& gathers) override;
  Request start_broadcast(void* data, std::size_t count, DataType type, int root) override;
  Request start_all_to_all(const void* send, void* receive, std::size_t count, DataType type) override;
  Request start_exchange(const std::vector<Transfer>& transfers) override;
  std::shared_ptr<Moment> moment() override;
  Request start_exchange_since(const std::shared_ptr<Moment>& since, const std::vector<Transfer>& transfers) override;
  /// Blocks the host.
  void barrier() override;
  std::unique_ptr<Communicator> split(int color, int key, const std::string& name) override;
  std::unique_ptr<Communicator> split_with_stream(int color, int key, const std::string& name) override;
  /// Exchanges a byte with each peer, and blocks the host.
  void connect(const std::vector<int>& peers) override;
  void finish() override;

 private:
  struct Shared;

  NcclCommunicator(std::shared_ptr<Shared> shared, std::shared_ptr<CommunicationStream> stream, std::string name);
  std::unique_ptr<Communicator> split_on(std::shared_ptr<CommunicationStream> stream, int color, int key,
                                         const std::string& name);
  /// Takes the communicator over after set-up or split.
  void adopt(ncclComm_t comm);
  /// Gathers the world ranks of the group over the new communicator.
  std::vector<int> gather_ranks();
  void open_trace(std::vector<int> ranks);
  /// Calls `function`, which returns NCCL's result. When NCCL refuses, everything of this rank is aborted before the
  /// error is thrown.
  template <typename Function>
  void call(const char* what, Watch::Handle handle, std::uint64_t number, Function function,
            const DeviceProgress& until = {});
  /// Waits on the host until the communication stream is empty.
  void drain();
  /// `since`: what the operation waits for on the compute stream; null = all that it holds. `transfers`: of an
  /// exchange, the number of each, as count_transfers() says.
  template <typename Calls>
  Request issue(Operation operation, Calls calls, const Event* since = nullptr, const DeviceProgress& transfers = {});
  DeviceProgress count_transfers(const std::vector<Transfer>& transfers);

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<CommunicationStream> stream_;
  std::string name_;
  int rank_ = 0;
  std::vector<int> ranks_;  ///< of the world
  ncclComm_t comm_ = nullptr;
  std::shared_ptr<Watch::Group> watched_;
  std::shared_ptr<GroupTrace> trace_;
  DeviceProgress transferred_;  ///< by operations issued so far
};

}  // namespace trireme::collectives
