// Communicator for device memory over NCCL. Only for the sources of libtrireme_cuda.so.
#pragma once

#include <nccl.h>

#include <memory>
#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "collectives/nccl/cuda_functions.hpp"
#include "collectives/nccl/streams.hpp"
#include "collectives/ops/trace.hpp"

namespace trireme::collectives {

/// Owns an ncclComm_t in non-blocking mode; a call that does not complete within the limit aborts the group. Operations
/// run on the communication stream after all work that the compute stream holds; wait() makes the compute stream wait
/// for them. Buffers must live until then (and, in torch's caching allocator, be used on the compute stream).
class NcclCommunicator final : public Communicator {
 public:
  static std::unique_ptr<Communicator> make_world(const NcclWorldOptions& options);
  /// Calls finish(), or ncclCommAbort while an exception unwinds.
  ~NcclCommunicator() override;

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(ranks_.size()); }
  const std::string& name() const override { return name_; }
  bool on_device() const override { return true; }

  Request start_all_reduce(void* data, std::size_t count, DataType type, ReduceOp op) override;
  Request start_reduce_scatter(const void* send, void* receive, std::size_t count, DataType type, ReduceOp op) override;
  Request start_all_gather(const void* send, void* receive, std::size_t count, DataType type) override;
  Request start_broadcast(void* data, std::size_t count, DataType type, int root) override;
  Request start_all_to_all(const void* send, void* receive, std::size_t count, DataType type) override;
  Request start_exchange(const std::vector<Transfer>& transfers) override;
  /// Blocks the host.
  void barrier() override;
  std::unique_ptr<Communicator> split(int color, int key, const std::string& name) override;
  void finish() override;

 private:
  struct Shared;

  NcclCommunicator(std::shared_ptr<Shared> shared, std::string name, int rank, int size);
  /// Gathers the world ranks of the group over the new communicator.
  void learn_ranks(int world_rank);
  /// Waits until the last call is complete; aborts and throws when the limit is exceeded.
  void settle(ncclResult_t code, const char* what);
  /// Waits on the host until the communication stream is empty.
  void drain(const char* what);
  void abort_after_limit(const char* what);
  template <typename Call>
  Request issue(Operation operation, Call call);

  std::shared_ptr<Shared> shared_;
  std::string name_;
  int rank_;
  std::vector<int> ranks_;
  ncclComm_t comm_ = nullptr;
  std::shared_ptr<GroupTrace> trace_;
};

}  // namespace trireme::collectives
