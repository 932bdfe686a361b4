// Communicator for host memory over MPI.
#pragma once

#include <mpi.h>

#include <memory>
#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "collectives/mpi/context.hpp"
#include "collectives/mpi/options.hpp"

namespace trireme::collectives {

class SharedChannel;

/// Owns an MPI communicator, a duplicate of its own, so its messages cannot mix with others'. One thread at a time may
/// call it. Every result is bit-identical on all ranks that get it and does not depend on timing: reductions run in
/// rank order, or in MPI's own order, which depends on counts only.
class MpiCommunicator final : public Communicator {
 public:
  /// Takes ownership of `handle`. Collective: may allocate the window.
  MpiCommunicator(std::shared_ptr<MpiContext> context, MPI_Comm handle, std::string name, MpiOptions options);
  /// Closes as finish() does; while an exception unwinds it does nothing that needs the peers.
  ~MpiCommunicator() override;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  const std::string& name() const override { return name_; }
  bool on_device() const override { return false; }

  Request start_all_reduce(void* data, std::size_t count, DataType type, ReduceOp op) override;
  Request start_reduce_scatter(const void* send, void* receive, std::size_t count, DataType type, ReduceOp op) override;
  Request start_all_gather(const void* send, void* receive, std::size_t count, DataType type) override;
  Request start_broadcast(void* data, std::size_t count, DataType type, int root) override;
  Request start_all_to_all(const void* send, void* receive, std::size_t count, DataType type) override;
  Request start_exchange(const std::vector<Transfer>& transfers) override;
  void barrier() override;
  std::unique_ptr<Communicator> split(int color, int key, const std::string& name) override;
  void finish() override;

  /// True when the window is in use.
  bool shares_memory() const { return channel_ != nullptr; }
  MPI_Comm handle() const { return handle_; }

 private:
  void require_rank(int rank, const char* what) const;

  std::shared_ptr<MpiContext> context_;
  MPI_Comm handle_;
  std::string name_;
  MpiOptions options_;
  int rank_ = 0;
  int size_ = 1;
  std::shared_ptr<GroupTrace> trace_;
  std::unique_ptr<SharedChannel> channel_;
};

}  // namespace trireme::collectives
