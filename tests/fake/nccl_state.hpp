// The fake NCCL's communicators, kernels and connections.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/fake/streams.hpp"

namespace trireme::fake {

enum class Kind { kAllReduce, kReduceScatter, kAllGather, kBroadcast, kSend, kReceive };
const char* name_of(Kind kind);

struct Call {
  int comm = 0;
  Kind kind = Kind::kAllReduce;
  const void* send = nullptr;
  void* receive = nullptr;
  std::size_t count = 0;
  ncclDataType_t type = ncclUint8;
  ncclRedOp_t op = ncclSum;
  int peer = 0;    ///< of a transfer; the root of a broadcast
  int stream = 0;  ///< the fake's number
};

/// What one group launches on one communicator: a collective, or all its transfers.
struct Kernel {
  int comm = 0;
  Position at;
  bool running = false;  ///< reached by its stream
  bool hung = false;
  std::shared_ptr<Kernel> previous;  ///< launched by the rank before this one; null once this one runs
  std::vector<Call> calls;
  std::vector<std::size_t> places;  ///< of each call in its clique's list (collectives, sends or receives)
  std::vector<std::vector<char>> results;
  std::vector<bool> done;
};

/// One call of a kernel, as the other side finds it.
struct Part {
  std::shared_ptr<Kernel> kernel;
  std::size_t call = 0;
};

/// What the communicators of one group have in common.
struct Clique {
  int size = 0;
  std::map<int, int> comms;                                   ///< rank in the group -> communicator
  std::vector<std::vector<Part>> collectives;                 ///< of each rank, in launch order
  std::map<std::pair<int, int>, std::vector<Part>> sends;     ///< (from, to)
  std::map<std::pair<int, int>, std::vector<Part>> receives;  ///< (from, to)
  /// The handshake of connections: (from, to, tag) -> sizes of messages on the way.
  std::map<std::tuple<int, int, int>, std::deque<int>> mail;
  std::set<int> first_collective;  ///< ranks that came to their first collective
  struct Split {
    std::map<int, std::pair<int, int>> wishes;  ///< rank -> (colour, key)
    std::map<int, std::shared_ptr<Clique>> parts;
  };
  std::vector<Split> splits;
  std::vector<std::size_t> splits_of_rank;
};

struct Comm {
  int id = 0;
  std::string name;
  int owner = -1;  ///< the process (rank of the machine)
  int rank = 0;
  int device = 0;
  bool blocking = true;
  bool ready = false;
  bool finalized = false;
  bool destroyed = false;
  bool aborted = false;
  std::shared_ptr<Clique> clique;
  ncclResult_t error = ncclSuccess;  ///< asynchronous
  /// What a non-blocking call still has to do: returns ncclInProgress until it is over.
  std::function<ncclResult_t()> job;
  std::vector<std::shared_ptr<Kernel>> kernels;
  std::set<int> connected_to;
  std::set<int> connected_from;
  bool collectives_connected = false;
  bool usable() const { return !destroyed && !aborted; }
};

struct Nccl {
  std::map<int, Comm> comms;
  std::map<int, std::shared_ptr<Kernel>> last_kernel;  ///< of each process
  std::map<std::string, std::shared_ptr<Clique>> by_id;
  int next_comm = 1;
  int next_unique_id = 1;
  std::string last_error;

  Comm& make(State& state, int owner, int device, const ncclConfig_t* config);
  /// Lets the jobs of non-blocking calls go on.
  void advance_jobs(State& state);
};

std::size_t size_of(ncclDataType_t type);

// nccl_connect.cpp
/// Connects what the calls of one group need on one communicator, as NCCL does at the end of a group. Asked again and
/// again; ncclInProgress while a peer is awaited.
std::function<ncclResult_t()> connect_job(State& state, int comm, const std::vector<Call>& calls);

// nccl_kernels.cpp
/// Puts the kernels of one group on one communicator into their streams.
void launch(State& state, int comm, const std::vector<Call>& calls);

/// Runs a job to its end, or leaves it to later polls when the communicator is non-blocking.
ncclResult_t run_job(State& state, std::unique_lock<std::mutex>& lock, int comm, const std::string& what,
                     std::function<ncclResult_t()> job);

}  // namespace trireme::fake
