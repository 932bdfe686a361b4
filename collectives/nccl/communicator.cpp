#include "collectives/nccl/communicator.hpp"

#include <chrono>
#include <exception>
#include <thread>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "collectives/nccl/checks.hpp"

namespace trireme::collectives {

namespace {

using Clock = std::chrono::steady_clock;

ncclDataType_t type_of(DataType type) {
  switch (type) {
    case DataType::kFloat64: return ncclFloat64;
    case DataType::kFloat32: return ncclFloat32;
    case DataType::kBFloat16: return ncclBfloat16;
    case DataType::kInt64: return ncclInt64;
    case DataType::kUInt8: return ncclUint8;
  }
  throw base::Error("unknown data type");
}

ncclRedOp_t op_of(ReduceOp op) {
  constexpr ncclRedOp_t kOps[] = {ncclSum, ncclMin, ncclMax};
  return kOps[static_cast<int>(op)];
}

ncclConfig_t configuration() {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  return config;
}

/// Device memory for set-up and barriers.
class DeviceMemory {
 public:
  explicit DeviceMemory(std::size_t bytes) { check_cuda(cudaMalloc(&data_, bytes), "allocating device memory"); }
  ~DeviceMemory() { cudaFree(data_); }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

/// Makes the calls between construction and end() one operation.
class Group {
 public:
  Group(const char* what, const std::string& name) { check_nccl(ncclGroupStart(), what, name, nullptr); }
  ~Group() {
    if (open_) ncclGroupEnd();
  }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ncclResult_t end() {
    open_ = false;
    return ncclGroupEnd();
  }

 private:
  bool open_ = true;
};

class OrderedLater final : public Request::State {
 public:
  OrderedLater(const Streams& streams, Event after) : streams_(streams), after_(std::move(after)) {}
  bool test() override {
    if (!after_.reached()) return false;
    wait();
    return true;
  }
  void wait() override { streams_.order(after_); }
  void abandon() noexcept override {}

 private:
  const Streams& streams_;
  Event after_;
};

}  // namespace

/// What the communicators of one rank share.
struct NcclCommunicator::Shared {
  Streams streams;
  OperationTrace* trace;
  double limit_seconds;
  int world_rank;
};

std::unique_ptr<Communicator> NcclCommunicator::make_world(const NcclWorldOptions& options) {
  int version = 0;
  check_nccl(ncclGetVersion(&version), "asking the version", options.name, nullptr);
  if (version / 10000 != NCCL_VERSION_CODE / 10000 || version < NCCL_VERSION_CODE) {
    throw base::Error(base::str("the NCCL library is of version ", version, " but Trireme was built with ",
                                NCCL_VERSION_CODE, "; load the one it was built with"));
  }
  auto shared =
      std::shared_ptr<Shared>(new Shared{Streams(options.device, static_cast<cudaStream_t>(options.compute_stream)),
                                         options.trace, options.limit_seconds, options.rank});
  std::unique_ptr<NcclCommunicator> world(
      new NcclCommunicator(std::move(shared), options.name, options.rank, options.size));
  ncclUniqueId id = {};
  if (options.rank == 0) check_nccl(ncclGetUniqueId(&id), "making the unique id", options.name, nullptr);
  options.broadcast(&id, sizeof(id));
  ncclConfig_t config = configuration();
  world->settle(ncclCommInitRankConfig(&world->comm_, options.size, id, options.rank, &config), "set-up");
  world->learn_ranks(options.rank);
  return world;
}

NcclCommunicator::NcclCommunicator(std::shared_ptr<Shared> shared, std::string name, int rank, int size)
    : shared_(std::move(shared)), name_(std::move(name)), rank_(rank), ranks_(static_cast<std::size_t>(size)) {}

NcclCommunicator::~NcclCommunicator() {
  if (comm_ == nullptr) return;
  if (std::uncaught_exceptions() > 0) {
    ncclCommAbort(comm_);
    return;
  }
  try {
    finish();
  } catch (const std::exception& error) {
    base::print_failure(base::failure_text(error));
  }
}

void NcclCommunicator::learn_ranks(int world_rank) {
  std::vector<std::int64_t> ranks(ranks_.size());
  ranks[static_cast<std::size_t>(rank_)] = world_rank;
  const DeviceMemory memory(ranks.size() * sizeof(std::int64_t));
  auto* own = static_cast<std::int64_t*>(memory.data()) + rank_;
  check_cuda(cudaMemcpy(own, &ranks[static_cast<std::size_t>(rank_)], sizeof(std::int64_t), cudaMemcpyHostToDevice),
             "copying to the device");
  settle(ncclAllGather(own, memory.data(), 1, ncclInt64, comm_, shared_->streams.communication()), "set-up");
  drain("set-up");
  check_cuda(cudaMemcpy(ranks.data(), memory.data(), ranks.size() * sizeof(std::int64_t), cudaMemcpyDeviceToHost),
             "copying from the device");
  ranks_.assign(ranks.begin(), ranks.end());
  trace_ = shared_->trace->open(name_, ranks_);
}

void NcclCommunicator::abort_after_limit(const char* what) {
  ncclCommAbort(comm_);
  comm_ = nullptr;
  throw base::Error(base::str(what, " of group ", name_, " did not complete in ", shared_->limit_seconds,
                              " s; some rank of the group is missing, or the network between the nodes fails"));
}

void NcclCommunicator::settle(ncclResult_t code, const char* what) {
  check_nccl(code, what, name_, comm_);
  const auto start = Clock::now();
  ncclResult_t state = ncclInProgress;
  while (true) {
    check_nccl(ncclCommGetAsyncError(comm_, &state), what, name_, comm_);
    check_nccl(state, what, name_, comm_);
    if (state == ncclSuccess) return;
    if (base::seconds_since(start) > shared_->limit_seconds) abort_after_limit(what);
    std::this_thread::yield();
  }
}

void NcclCommunicator::drain(const char* what) {
  const auto start = Clock::now();
  while (true) {
    const cudaError_t code = cudaStreamQuery(shared_->streams.communication());
    if (code == cudaSuccess) return;
    if (code != cudaErrorNotReady) check_cuda(code, what);
    ncclResult_t state = ncclSuccess;
    check_nccl(ncclCommGetAsyncError(comm_, &state), what, name_, comm_);
    check_nccl(state, what, name_, comm_);
    if (base::seconds_since(start) > shared_->limit_seconds) abort_after_limit(what);
    std::this_thread::yield();
  }
}

template <typename Call>
Request NcclCommunicator::issue(Operation operation, Call call) {
  const std::uint64_t number = trace_->start(operation);
  Streams& streams = shared_->streams;
  streams.after_compute();
  trace_->begin_wait(operation, number, -1);
  settle(call(streams.communication()), name_of(operation));
  trace_->end_wait();
  return Request(std::make_unique<OrderedLater>(streams, streams.mark()));
}

Request NcclCommunicator::start_all_reduce(void* data, std::size_t count, DataType type, ReduceOp op) {
  if (count == 0) return {};
  return issue(Operation::kAllReduce, [&](cudaStream_t stream) {
    return ncclAllReduce(data, data, count, type_of(type), op_of(op), comm_, stream);
  });
}

Request NcclCommunicator::start_reduce_scatter(const void* send, void* receive, std::size_t count, DataType type,
                                               ReduceOp op) {
  if (count == 0) return {};
  return issue(Operation::kReduceScatter, [&](cudaStream_t stream) {
    return ncclReduceScatter(send, receive, count, type_of(type), op_of(op), comm_, stream);
  });
}

Request NcclCommunicator::start_all_gather(const void* send, void* receive, std::size_t count, DataType type) {
  if (count == 0) return {};
  return issue(Operation::kAllGather,
               [&](cudaStream_t stream) { return ncclAllGather(send, receive, count, type_of(type), comm_, stream); });
}

Request NcclCommunicator::start_broadcast(void* data, std::size_t count, DataType type, int root) {
  if (count == 0) return {};
  return issue(Operation::kBroadcast, [&](cudaStream_t stream) {
    return ncclBroadcast(data, data, count, type_of(type), root, comm_, stream);
  });
}

Request NcclCommunicator::start_all_to_all(const void* send, void* receive, std::size_t count, DataType type) {
  if (count == 0) return {};
  const std::size_t bytes = count * size_of(type);
  return issue(Operation::kAllToAll, [&](cudaStream_t stream) {
    Group group("all_to_all", name_);
    for (int peer = 0; peer < size(); ++peer) {
      const std::size_t offset = static_cast<std::size_t>(peer) * bytes;
      check_nccl(ncclSend(static_cast<const char*>(send) + offset, count, type_of(type), peer, comm_, stream),
                 "all_to_all", name_, comm_);
      check_nccl(ncclRecv(static_cast<char*>(receive) + offset, count, type_of(type), peer, comm_, stream),
                 "all_to_all", name_, comm_);
    }
    return group.end();
  });
}

Request NcclCommunicator::start_exchange(const std::vector<Transfer>& transfers) {
  bool any = false;
  for (const Transfer& transfer : transfers) any = any || transfer.count > 0;
  if (!any) return {};
  return issue(Operation::kExchange, [&](cudaStream_t stream) {
    Group group("exchange", name_);
    for (const Transfer& t : transfers) {
      if (t.count == 0) continue;
      check_nccl(t.direction == Transfer::Direction::kSend
                     ? ncclSend(t.data, t.count, type_of(t.type), t.peer, comm_, stream)
                     : ncclRecv(t.data, t.count, type_of(t.type), t.peer, comm_, stream),
                 "exchange", name_, comm_);
    }
    return group.end();
  });
}

void NcclCommunicator::barrier() {
  const DeviceMemory flag(1);
  check_cuda(cudaMemset(flag.data(), 0, 1), "clearing device memory");
  const std::uint64_t number = trace_->start(Operation::kBarrier);
  trace_->begin_wait(Operation::kBarrier, number, -1);
  shared_->streams.after_compute();
  settle(ncclAllReduce(flag.data(), flag.data(), 1, ncclUint8, ncclSum, comm_, shared_->streams.communication()),
         "barrier");
  drain("barrier");
  trace_->end_wait();
}

std::unique_ptr<Communicator> NcclCommunicator::split(int color, int key, const std::string& name) {
  drain("split");
  const std::uint64_t number = trace_->start(Operation::kSplit);
  trace_->begin_wait(Operation::kSplit, number, -1);
  ncclConfig_t config = configuration();
  ncclComm_t child = nullptr;
  settle(ncclCommSplit(comm_, color < 0 ? NCCL_SPLIT_NOCOLOR : color, key, &child, &config), "split");
  trace_->end_wait();
  if (child == nullptr) return nullptr;
  std::unique_ptr<NcclCommunicator> part(new NcclCommunicator(shared_, name, 0, 1));
  part->comm_ = child;
  part->settle(ncclSuccess, "split");
  int size = 0;
  check_nccl(ncclCommCount(child, &size), "split", name, child);
  check_nccl(ncclCommUserRank(child, &part->rank_), "split", name, child);
  part->ranks_.resize(static_cast<std::size_t>(size));
  part->learn_ranks(shared_->world_rank);
  return part;
}

void NcclCommunicator::finish() {
  if (comm_ == nullptr) return;
  drain("closing");
  settle(ncclCommFinalize(comm_), "closing");
  const ncclResult_t code = ncclCommDestroy(comm_);
  comm_ = nullptr;
  check_nccl(code, "closing", name_, nullptr);
}

}  // namespace trireme::collectives
