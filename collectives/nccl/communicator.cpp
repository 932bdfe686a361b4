#include "collectives/nccl/communicator.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <numeric>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "collectives/nccl/checks.hpp"
#include "collectives/nccl/owners.hpp"
#include "collectives/nccl/watch.hpp"

namespace trireme::collectives {

namespace {

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

/// `name` must outlive the communicator.
ncclConfig_t configuration(const std::string& name) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 1;
  config.commName = name.c_str();
  return config;
}

/// One host thread issues the operations of all communicators in one order, the same on all ranks. NCCL keeps it on the
/// device when it is told so, before its first call.
void keep_launch_order() {
  static std::once_flag once;
  std::call_once(once, [] { setenv("NCCL_LAUNCH_ORDER_IMPLICIT", "1", 0); });
}

struct StreamMoment final : Moment {
  std::shared_ptr<Event> event;
};

class OrderedLater final : public Request::State {
 public:
  OrderedLater(std::shared_ptr<Watch> watch, std::shared_ptr<CommunicationStream> stream, std::shared_ptr<Event> end)
      : watch_(std::move(watch)), stream_(std::move(stream)), end_(std::move(end)) {}
  bool test() override {
    if (!end_->reached()) return false;
    wait();
    return true;
  }
  void wait() override {
    watch_->check();
    stream_->order(*end_);
  }
  void abandon() noexcept override {}

 private:
  std::shared_ptr<Watch> watch_;
  std::shared_ptr<CommunicationStream> stream_;
  std::shared_ptr<Event> end_;
};

}  // namespace

/// What the communicators of one rank share. The watch ends first.
struct NcclCommunicator::Shared {
  Shared(const NcclWorldOptions& options, Watch::Options watch_options)
      : device(options.device),
        compute(static_cast<cudaStream_t>(options.compute_stream)),
        trace(options.trace),
        world_rank(options.rank),
        memory(static_cast<std::size_t>(options.size) * sizeof(std::int64_t)),
        watch(std::move(watch_options)) {}

  int device;
  cudaStream_t compute;
  OperationTrace* trace;
  int world_rank;
  std::shared_ptr<EventPool> events = std::make_shared<EventPool>();
  DeviceMemory memory;  ///< 8 bytes for each rank of the world
  Watch watch;
};

std::unique_ptr<Communicator> NcclCommunicator::make_world(const NcclWorldOptions& options) {
  keep_launch_order();
  int version = 0;
  check_nccl(ncclGetVersion(&version), "asking the version", options.name);
  if (version / 10000 != NCCL_VERSION_CODE / 10000 || version < NCCL_VERSION_CODE) {
    throw base::Error(base::str("the NCCL library is of version ", version, " but Trireme was built with ",
                                NCCL_VERSION_CODE, "; load the one it was built with"));
  }
  auto stream =
      std::make_shared<CommunicationStream>(options.device, static_cast<cudaStream_t>(options.compute_stream));
  auto shared = std::make_shared<Shared>(
      options, Watch::Options{options.device, options.limit_seconds, options.poll_seconds, options.abort_seconds,
                              options.clock, options.end_job, options.ask});
  std::unique_ptr<NcclCommunicator> world(new NcclCommunicator(std::move(shared), std::move(stream), options.name));
  ncclUniqueId id = {};
  if (options.rank == 0) check_nccl(ncclGetUniqueId(&id), "making the unique id", options.name);
  options.broadcast(&id, sizeof(id));
  ncclConfig_t config = configuration(world->name_);
  ncclComm_t comm = nullptr;
  world->call("set-up", Watch::Handle::kNone, 0,
              [&] { return ncclCommInitRankConfig(&comm, options.size, id, options.rank, &config); });
  world->adopt(comm);
  std::vector<int> ranks(static_cast<std::size_t>(options.size));
  std::iota(ranks.begin(), ranks.end(), 0);
  world->open_trace(std::move(ranks));
  return world;
}

NcclCommunicator::NcclCommunicator(std::shared_ptr<Shared> shared, std::shared_ptr<CommunicationStream> stream,
                                   std::string name)
    : shared_(std::move(shared)),
      stream_(std::move(stream)),
      name_(std::move(name)),
      watched_(shared_->watch.open(name_)) {}

NcclCommunicator::~NcclCommunicator() {
  if (std::uncaught_exceptions() > 0) {
    shared_->watch.abandon();
  } else if (comm_ != nullptr) {
    try {
      finish();
    } catch (const std::exception& error) {
      base::print_failure(base::failure_text(error));
    }
  }
  shared_->watch.close(*watched_);
}

void NcclCommunicator::adopt(ncclComm_t comm) {
  comm_ = comm;
  shared_->watch.made(*watched_, comm);
  call("set-up", Watch::Handle::kAborts, 0, [&] { return ncclCommUserRank(comm, &rank_); });
}

std::vector<int> NcclCommunicator::gather_ranks() {
  // The copies are ordered by the stream that the gather runs on: from pageable memory, a copy of another stream may
  // still be under way when its call has returned.
  const cudaStream_t stream = stream_->handle();
  const std::int64_t own = shared_->world_rank;
  char* place = shared_->memory.data() + static_cast<std::size_t>(rank_) * sizeof(own);
  std::vector<std::int64_t> all;
  call("set-up", Watch::Handle::kAborts, 0, [&] {
    int size = 0;
    ncclResult_t code = ncclCommCount(comm_, &size);
    if (code != ncclSuccess) return code;
    all.resize(static_cast<std::size_t>(size));
    check_cuda(cudaMemcpyAsync(place, &own, sizeof(own), cudaMemcpyHostToDevice, stream), "copying to the device");
    code = ncclAllGather(place, shared_->memory.data(), 1, ncclInt64, comm_, stream);
    if (code != ncclSuccess) return code;
    check_cuda(
        cudaMemcpyAsync(all.data(), shared_->memory.data(), all.size() * sizeof(own), cudaMemcpyDeviceToHost, stream),
        "copying from the device");
    stream_->drain();
    return ncclSuccess;
  });
  shared_->watch.check();
  return {all.begin(), all.end()};
}

void NcclCommunicator::open_trace(std::vector<int> ranks) {
  ranks_ = std::move(ranks);
  trace_ = shared_->trace->open(name_, ranks_);
  shared_->watch.name_ranks(*watched_, trace_, rank_);
}

template <typename Function>
void NcclCommunicator::call(const char* what, Watch::Handle handle, std::uint64_t number, Function function,
                            const DeviceProgress& until) {
  ncclResult_t code = ncclSuccess;
  {
    const Watch::Call call(shared_->watch, *watched_, what, handle, number, until);
    code = function();
  }
  if (code == ncclSuccess) return;
  const std::string whole = number == 0 ? what : base::str(what, " ", number);
  shared_->watch.fail(base::str(whole, " of ", describe_group(*watched_), " failed: ", nccl_text(code)));
}

void NcclCommunicator::drain() {
  stream_->drain();
  shared_->watch.check();
}

template <typename Calls>
Request NcclCommunicator::issue(Operation operation, Calls calls, const Event* since, const DeviceProgress& transfers) {
  Watch& watch = shared_->watch;
  watch.check();
  const std::uint64_t number = trace_->start(operation);
  since == nullptr ? stream_->after_compute() : stream_->after(*since);
  Launched launched{operation, number, shared_->events->take(), shared_->events->take(), transfers};
  if (operation != Operation::kExchange) launched.until.collectives = number;
  launched.begin->record(stream_->handle());
  const std::shared_ptr<Event> end = launched.end;
  const DeviceProgress until = launched.until;
  // The operation counts as launched before the call ends: an error that comes at that moment has a name.
  const auto launch = [&] {
    const ncclResult_t code = calls(stream_->handle());
    if (code != ncclSuccess) return code;
    end->record(stream_->handle());
    watch.launched(*watched_, std::move(launched));
    return code;
  };
  trace_->begin_wait(operation, number, -1);
  call(name_of(operation), Watch::Handle::kAborts, number, launch, until);
  trace_->end_wait();
  return Request(std::make_unique<OrderedLater>(std::shared_ptr<Watch>(shared_, &watch), stream_, end));
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
    Group group;
    for (int peer = 0; peer < size(); ++peer) {
      const std::size_t offset = static_cast<std::size_t>(peer) * bytes;
      group.add(ncclSend(static_cast<const char*>(send) + offset, count, type_of(type), peer, comm_, stream));
      group.add(ncclRecv(static_cast<char*>(receive) + offset, count, type_of(type), peer, comm_, stream));
    }
    return group.end();
  });
}

std::vector<Request> NcclCommunicator::start_all_gathers(const std::vector<Gather>& gathers) {
  bool any = false;
  for (const Gather& gather : gathers) any = any || gather.count > 0;
  std::vector<Request> requests;
  if (!any) return requests;
  requests.push_back(issue(Operation::kAllGather, [&](cudaStream_t stream) {
    Group group;
    for (const Gather& g : gathers) {
      if (g.count > 0) group.add(ncclAllGather(g.send, g.receive, g.count, type_of(g.type), comm_, stream));
    }
    return group.end();
  }));
  return requests;
}

std::shared_ptr<Moment> NcclCommunicator::moment() {
  auto moment = std::make_shared<StreamMoment>();
  stream_->choose_device();  // an event belongs to the device that is current when it is made
  moment->event = shared_->events->take();
  stream_->record_compute(*moment->event);
  return moment;
}

Request NcclCommunicator::start_exchange(const std::vector<Transfer>& transfers) {
  return start_exchange_since(nullptr, transfers);
}

Request NcclCommunicator::start_exchange_since(const std::shared_ptr<Moment>& since,
                                               const std::vector<Transfer>& transfers) {
  bool any = false;
  for (const Transfer& transfer : transfers) any = any || transfer.count > 0;
  if (!any) return {};
  const auto calls = [&](cudaStream_t stream) {
    Group group;
    for (const Transfer& t : transfers) {
      if (t.count == 0) continue;
      group.add(t.direction == Transfer::Direction::kSend
                    ? ncclSend(t.data, t.count, type_of(t.type), t.peer, comm_, stream)
                    : ncclRecv(t.data, t.count, type_of(t.type), t.peer, comm_, stream));
    }
    return group.end();
  };
  return issue(Operation::kExchange, calls, since ? static_cast<StreamMoment&>(*since).event.get() : nullptr,
               count_transfers(transfers));
}

DeviceProgress NcclCommunicator::count_transfers(const std::vector<Transfer>& transfers) {
  DeviceProgress numbers;
  for (const Transfer& transfer : transfers) {
    if (transfer.count == 0) continue;
    const auto kind =
        transfer.direction == Transfer::Direction::kSend ? &DeviceProgress::sends : &DeviceProgress::receives;
    (numbers.*kind)[transfer.peer] = ++(transferred_.*kind)[transfer.peer];
  }
  return numbers;
}

void NcclCommunicator::barrier() {
  char* flag = shared_->memory.data();
  issue(Operation::kBarrier, [&](cudaStream_t stream) {
    return ncclAllReduce(flag, flag, 1, ncclUint8, ncclSum, comm_, stream);
  }).wait();
  drain();
}

void NcclCommunicator::connect(const std::vector<int>& peers) {
  char* bytes = shared_->memory.data();
  std::vector<Transfer> transfers;
  for (const int peer : peers) {
    transfers.push_back({Transfer::Direction::kSend, bytes++, 1, DataType::kUInt8, peer});
    transfers.push_back({Transfer::Direction::kReceive, bytes++, 1, DataType::kUInt8, peer});
  }
  start_exchange(transfers).wait();
  drain();
}

std::unique_ptr<Communicator> NcclCommunicator::split(int color, int key, const std::string& name) {
  return split_on(stream_, color, key, name);
}

std::unique_ptr<Communicator> NcclCommunicator::split_with_stream(int color, int key, const std::string& name) {
  return split_on(std::make_shared<CommunicationStream>(shared_->device, shared_->compute), color, key, name);
}

std::unique_ptr<Communicator> NcclCommunicator::split_on(std::shared_ptr<CommunicationStream> stream, int color,
                                                         int key, const std::string& name) {
  drain();
  std::unique_ptr<NcclCommunicator> part(new NcclCommunicator(shared_, std::move(stream), name));
  const std::uint64_t number = trace_->start(Operation::kSplit);
  trace_->begin_wait(Operation::kSplit, number, -1);
  ncclConfig_t config = configuration(part->name_);
  ncclComm_t child = nullptr;
  const auto split = [&] { return ncclCommSplit(comm_, color < 0 ? NCCL_SPLIT_NOCOLOR : color, key, &child, &config); };
  call("split", Watch::Handle::kNone, 0, split, {number, {}, {}});
  trace_->end_wait();
  if (child == nullptr) return nullptr;
  part->adopt(child);
  part->open_trace(part->gather_ranks());
  return part;
}

void NcclCommunicator::finish() {
  if (comm_ == nullptr) return;
  drain();
  call("closing", Watch::Handle::kClosed, 0, [&] {
    const ncclResult_t code = ncclCommFinalize(comm_);
    return code == ncclSuccess ? ncclCommDestroy(std::exchange(comm_, nullptr)) : code;
  });
}

}  // namespace trireme::collectives
