// How ranks communicate. A Communicator is a group of ranks and the operations on it. MpiCommunicator (host memory) and
// NcclCommunicator (device memory) implement it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/data_type.hpp"

namespace trireme::collectives {

using base::DataType;
using base::name_of;
using base::size_of;

enum class ReduceOp { kSum, kMin, kMax };

/// One operation under way. Move-only; the buffers of the operation must outlive it. The destructor waits, except
/// while an exception unwinds the stack: then the operation is abandoned, for its peers may never come.
/// For device communicators "done" means ordered on the compute stream, not finished on the host.
class Request {
 public:
  class State {
   public:
    virtual ~State() = default;
    /// True when done; gives the library a chance to progress. Never blocks.
    virtual bool test() = 0;
    virtual void wait() = 0;
    /// Stops using the buffers, as far as that is possible without the peers. Called instead of wait().
    virtual void abandon() noexcept = 0;
  };

  Request() = default;  ///< stands for an operation that is already done
  explicit Request(std::unique_ptr<State> state) : state_(std::move(state)) {}
  Request(Request&&) = default;
  Request& operator=(Request&& other) noexcept;
  ~Request();

  bool test();
  /// Throws base::Error when the operation failed. Either way the Request is done afterwards.
  void wait();

 private:
  void finish() noexcept;

  std::unique_ptr<State> state_;
};

/// One half of a point-to-point exchange, for Communicator::exchange.
struct Transfer {
  enum class Direction { kSend, kReceive };
  Direction direction;
  void* data;
  std::size_t count;
  DataType type;
  int peer;     ///< rank in this communicator
  int tag = 0;  ///< matches a send with its receive (host); ignored by NCCL, where order matches
};

/// One all-gather of several (Communicator::start_all_gathers).
struct Gather {
  const void* send;
  void* receive;
  std::size_t count;
  DataType type;
};

/// A point in what a device was given to compute (Communicator::moment).
class Moment {
 public:
  virtual ~Moment() = default;
};

/// A group of ranks. All ranks of the group call the same collectives in the same order. Counts are elements
/// and may exceed 2^31. Buffers are contiguous, in the memory the communicator serves (on_device()).
/// Blocking calls return when the result may be read by the host (MPI) or by the compute stream (NCCL).
/// Errors: base::Error naming the group, the operation and the library's own text.
class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// For messages: "tp", "dp", "world", …
  virtual const std::string& name() const = 0;
  virtual bool on_device() const = 0;

  /// In place: reduces the data of all ranks; every rank gets the result.
  virtual Request start_all_reduce(void* data, std::size_t count, DataType type, ReduceOp op) = 0;
  /// `send` holds size() * count elements. Each rank gets the reduction of every rank's piece number rank(): count
  /// elements. `receive` may be send + rank() * count (in place).
  virtual Request start_reduce_scatter(const void* send, void* receive, std::size_t count, DataType type,
                                       ReduceOp op) = 0;
  /// `send` holds count elements, `receive` size() * count, with rank r's piece at r * count. In place when `send` is
  /// this rank's piece of `receive`.
  virtual Request start_all_gather(const void* send, void* receive, std::size_t count, DataType type) = 0;
  /// Starts them all; on a device as one operation.
  virtual std::vector<Request> start_all_gathers(const std::vector<Gather>& gathers);
  virtual Request start_broadcast(void* data, std::size_t count, DataType type, int root) = 0;
  /// Piece p of send (count elements each) goes to rank p; piece p of receive comes from rank p. Not in place.
  virtual Request start_all_to_all(const void* send, void* receive, std::size_t count, DataType type) = 0;
  /// Starts all transfers as one group. They progress together, so opposite directions cannot block each other.
  virtual Request start_exchange(const std::vector<Transfer>& transfers) = 0;
  /// What the device was given to compute so far; null in host memory, where it is done.
  virtual std::shared_ptr<Moment> moment() { return nullptr; }
  /// Starts receives into buffers that nothing uses after `since`, a moment() of this device: they wait for the
  /// computation up to there, where start_exchange() waits for all that it was given until now.
  virtual Request start_exchange_since(const std::shared_ptr<Moment>& since, const std::vector<Transfer>& transfers) {
    static_cast<void>(since);
    return start_exchange(transfers);
  }
  virtual void barrier() = 0;

  /// Collective: makes a new communicator of the ranks with the same color, ordered by key. A rank with color < 0 takes
  /// part and gets nullptr. Children do not depend on the parent's lifetime.
  virtual std::unique_ptr<Communicator> split(int color, int key, const std::string& name) = 0;
  /// Splits like split(). On a device, the operations of the new communicator run on a stream of their own, so they do
  /// not wait for the end of those of other communicators. All ranks still issue all operations in one order, and a
  /// device starts them in that order.
  virtual std::unique_ptr<Communicator> split_with_stream(int color, int key, const std::string& name) {
    return split(color, key, name);
  }

  /// Collective over this rank and `peers`, each of which names this rank too; blocks the host. Connects them in both
  /// directions. NCCL connects at the end of a group, for the transfers of that group: without this call the first
  /// exchanges of two peers must be mirror images of each other. Does nothing in host memory.
  virtual void connect(const std::vector<int>& peers) { static_cast<void>(peers); }

  /// Call it at an orderly end: waits for what is under way, so that destruction cannot block on a peer.
  virtual void finish() = 0;

  // The blocking forms.
  void all_reduce(void* data, std::size_t count, DataType type, ReduceOp op = ReduceOp::kSum);
  void reduce_scatter(const void* send, void* receive, std::size_t count, DataType type, ReduceOp op = ReduceOp::kSum);
  void all_gather(const void* send, void* receive, std::size_t count, DataType type);
  void broadcast(void* data, std::size_t count, DataType type, int root);
  void all_to_all(const void* send, void* receive, std::size_t count, DataType type);
  void send(const void* data, std::size_t count, DataType type, int peer, int tag = 0);
  void receive(void* data, std::size_t count, DataType type, int peer, int tag = 0);
};

}  // namespace trireme::collectives
