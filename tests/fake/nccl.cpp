// The nccl* functions.
#include <nccl.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "tests/fake/nccl_state.hpp"
#include "tests/fake/state.hpp"

namespace trireme::fake {

Comm& Nccl::make(State& state, int owner, int device, const ncclConfig_t* config) {
  const int id = next_comm++;
  Comm& comm = comms[id];
  comm.id = id;
  const bool named = config != nullptr && config->commName != nullptr;
  comm.name = named ? config->commName : base::str("communicator ", id);
  comm.owner = owner;
  comm.device = device;
  comm.blocking = config == nullptr || config->blocking != 0;
  state.change();
  return comm;
}

void Nccl::advance_jobs(State& state) {
  for (auto& [id, comm] : comms) {
    if (!comm.job || comm.aborted) continue;
    const ncclResult_t code = comm.job();
    if (code == ncclInProgress) continue;
    comm.job = nullptr;
    if (code != ncclSuccess) comm.error = code;
    state.change();
  }
}

ncclResult_t run_job(State& state, std::unique_lock<std::mutex>& lock, int id, const std::string& what,
                     std::function<ncclResult_t()> job) {
  Comm& comm = state.nccl.comms.at(id);
  if (!comm.blocking) {
    ++state.threads_started[comm.owner];
    comm.job = std::move(job);
    return ncclInProgress;
  }
  ncclResult_t code = ncclInProgress;
  const bool over = state.wait(lock, what, nullptr, [&] {
    code = comm.aborted ? ncclInternalError : job();
    return code != ncclInProgress;
  });
  return over ? code : ncclSystemError;
}

namespace {

int id_of(ncclComm_t comm) { return static_cast<int>(reinterpret_cast<std::uintptr_t>(comm)); }
ncclComm_t handle_of(int id) { return reinterpret_cast<ncclComm_t>(static_cast<std::uintptr_t>(id)); }

Comm* comm_of(Entry& entry, ncclComm_t handle, const char* what) {
  State& state = entry.state();
  const auto found = state.nccl.comms.find(id_of(handle));
  if (found == state.nccl.comms.end()) {
    state.report(base::str(what, ": no communicator"));
    return nullptr;
  }
  Comm& comm = found->second;
  entry.adopt(comm.owner);
  if (comm.usable()) return &comm;
  state.report(base::str(what, " of ", comm.name, ": it was ", comm.aborted ? "aborted" : "destroyed"));
  return nullptr;
}

std::vector<Position> positions_of(const Comm& comm) {
  std::vector<Position> positions;
  for (const auto& kernel : comm.kernels) positions.push_back(kernel->at);
  return positions;
}

bool all_over(State& state, const std::vector<Position>& positions) {
  return std::all_of(positions.begin(), positions.end(), [&](const Position& at) { return state.streams.over(at); });
}

/// Launches what a thread's group holds, one communicator after the other.
ncclResult_t end_group(Entry& entry, const std::vector<Call>& calls) {
  State& state = entry.state();
  std::vector<int> comms;
  for (const Call& call : calls) {
    if (std::find(comms.begin(), comms.end(), call.comm) == comms.end()) comms.push_back(call.comm);
  }
  ncclResult_t result = ncclSuccess;
  for (const int id : comms) {
    Comm& comm = state.nccl.comms.at(id);
    Injections& injected = state.injections[comm.owner];
    if (injected.launch_error != ncclSuccess) {
      state.nccl.last_error = injected.text;
      return std::exchange(injected.launch_error, ncclSuccess);
    }
    std::vector<Call> own;
    std::copy_if(calls.begin(), calls.end(), std::back_inserter(own),
                 [&](const Call& call) { return call.comm == id; });
    auto connect = connect_job(state, id, own);
    const ncclResult_t code =
        run_job(state, entry.lock(), id, base::str("connections of ", comm.name), [&state, id, own, connect] {
          const ncclResult_t connected = connect();
          if (connected == ncclSuccess) launch(state, id, own);
          return connected;
        });
    if (code != ncclSuccess) result = code;
    if (code != ncclSuccess && code != ncclInProgress) return code;
  }
  return result;
}

ncclResult_t call(Call what, ncclComm_t handle, cudaStream_t stream_handle) {
  Entry entry;
  if (!entry.alive()) return ncclSystemError;
  Comm* comm = comm_of(entry, handle, name_of(what.kind));
  if (comm == nullptr) return ncclInvalidArgument;
  State& state = entry.state();
  if (!comm->ready || comm->job || comm->finalized) {
    state.report(base::str(name_of(what.kind), " of ", comm->name, " before the last call was complete"));
    return ncclInvalidUsage;
  }
  if (what.peer < 0 || what.peer >= comm->clique->size) return ncclInvalidArgument;
  const int id = static_cast<int>(reinterpret_cast<std::uintptr_t>(stream_handle));
  Stream* stream = stream_handle == nullptr ? &state.streams.legacy(comm->owner, comm->device) : state.streams.find(id);
  if (stream == nullptr || stream->destroyed || stream->device != comm->device) {
    state.report(
        base::str(name_of(what.kind), " of ", comm->name, " on a stream that is destroyed or of another device"));
    return ncclInvalidArgument;
  }
  what.comm = comm->id;
  what.stream = stream->id;
  HostThread& thread = entry.thread();
  if (thread.group_depth > 0) {
    thread.group.push_back(what);
    return ncclSuccess;
  }
  return end_group(entry, {what});
}

/// After its flag was set: what an aborted communicator holds is freed, which waits for the whole device.
ncclResult_t reclaim(Entry& entry, int id) {
  State& state = entry.state();
  const Comm& comm = state.nccl.comms.at(id);
  const bool hangs = state.injections[comm.owner].hang_abort;
  const auto positions = state.streams.ends(comm.owner, comm.device);
  const bool over = state.wait(
      entry.lock(), base::str("ncclCommAbort of ", comm.name), [&] { return positions; },
      [&] { return !hangs && all_over(state, positions); });
  return over ? ncclSuccess : ncclSystemError;
}

}  // namespace
}  // namespace trireme::fake

using namespace trireme::fake;
using trireme::base::str;

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess: return "no error";
    case ncclUnhandledCudaError: return "unhandled cuda error";
    case ncclSystemError: return "unhandled system error";
    case ncclInternalError: return "internal error";
    case ncclInvalidArgument: return "invalid argument";
    case ncclInvalidUsage: return "invalid usage";
    case ncclRemoteError: return "remote process exited or there was a network error";
    case ncclInProgress: return "NCCL operation in progress";
    default: return "unknown result code";
  }
}

const char* ncclGetLastError(ncclComm_t) {
  Entry entry(Entry::Context::kNone);
  static thread_local std::string text;
  text = entry.alive() ? entry.state().nccl.last_error : "";
  return text.c_str();
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  Entry entry(Entry::Context::kNone);
  if (!entry.alive()) return ncclSystemError;
  *id = {};
  const std::string text = str("fake id ", entry.state().nccl.next_unique_id++);
  text.copy(id->internal, sizeof(id->internal) - 1);
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* handle, int size, ncclUniqueId id, int rank, ncclConfig_t* config) {
  Entry entry;
  if (!entry.alive()) return ncclSystemError;
  State& state = entry.state();
  if (std::strncmp(id.internal, "fake id ", 8) != 0 || rank < 0 || rank >= size) return ncclInvalidArgument;
  auto& clique = state.nccl.by_id[id.internal];
  if (!clique) {
    clique = std::make_shared<Clique>();
    clique->size = size;
    clique->collectives.resize(static_cast<std::size_t>(size));
    clique->splits_of_rank.resize(static_cast<std::size_t>(size));
  }
  Comm& comm = state.nccl.make(state, entry.thread().rank, entry.thread().device, config);
  comm.rank = rank;
  comm.clique = clique;
  if (!clique->comms.emplace(rank, comm.id).second) state.report(str("rank ", rank, " joined ", comm.name, " twice"));
  if (!comm.blocking) *handle = handle_of(comm.id);
  const ncclResult_t code =
      run_job(state, entry.lock(), comm.id, str("set-up of ", comm.name), [&state, id = comm.id, clique = clique] {
        if (std::ssize(clique->comms) < clique->size) return ncclInProgress;
        state.nccl.comms.at(id).ready = true;
        return ncclSuccess;
      });
  *handle = handle_of(comm.id);
  return code;
}

ncclResult_t ncclCommSplit(ncclComm_t parent_handle, int colour, int key, ncclComm_t* handle, ncclConfig_t* config) {
  Entry entry;
  if (!entry.alive()) return ncclSystemError;
  State& state = entry.state();
  Comm* parent = comm_of(entry, parent_handle, "ncclCommSplit");
  if (parent == nullptr || !parent->ready || parent->job) return ncclInvalidUsage;
  const int rank = parent->rank;
  const std::shared_ptr<Clique> clique = parent->clique;
  const std::size_t round = clique->splits_of_rank[static_cast<std::size_t>(rank)]++;
  if (clique->splits.size() <= round) clique->splits.resize(round + 1);
  clique->splits[round].wishes[rank] = {colour, key};
  int child = 0;
  if (colour >= 0) child = state.nccl.make(state, parent->owner, parent->device, config).id;
  state.change();
  *handle = parent->blocking ? nullptr : handle_of(child);
  const auto job = [&state, clique, round, colour, rank, child] {
    Clique::Split& split = clique->splits[round];
    if (std::ssize(split.wishes) < clique->size) return ncclInProgress;
    if (child == 0) return ncclSuccess;
    std::vector<std::pair<int, int>> order;  // (key, rank)
    for (const auto& [r, wish] : split.wishes) {
      if (wish.first == colour) order.push_back({wish.second, r});
    }
    std::sort(order.begin(), order.end());
    auto& part = split.parts[colour];
    if (!part) {
      part = std::make_shared<Clique>();
      part->size = static_cast<int>(order.size());
      part->collectives.resize(order.size());
      part->splits_of_rank.resize(order.size());
    }
    Comm& comm = state.nccl.comms.at(child);
    comm.clique = part;
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (order[i].second == rank) comm.rank = static_cast<int>(i);
    }
    part->comms[comm.rank] = child;
    comm.ready = true;
    return ncclSuccess;
  };
  const ncclResult_t code = run_job(state, entry.lock(), parent->id, str("split of ", parent->name), job);
  *handle = child == 0 ? nullptr : handle_of(child);
  return code;
}

ncclResult_t ncclCommCount(const ncclComm_t handle, int* count) {
  Entry entry;
  if (!entry.alive()) return ncclSystemError;
  const Comm* comm = comm_of(entry, handle, "ncclCommCount");
  if (comm == nullptr || !comm->ready) return ncclInvalidArgument;
  *count = comm->clique->size;
  return ncclSuccess;
}

ncclResult_t ncclCommUserRank(const ncclComm_t handle, int* rank) {
  Entry entry;
  if (!entry.alive()) return ncclSystemError;
  const Comm* comm = comm_of(entry, handle, "ncclCommUserRank");
  if (comm == nullptr || !comm->ready) return ncclInvalidArgument;
  *rank = comm->rank;
  return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t handle, ncclResult_t* result) {
  Entry entry;
  if (!entry.alive()) return ncclSystemError;
  State& state = entry.state();
  const Comm* comm = comm_of(entry, handle, "ncclCommGetAsyncError");
  if (comm == nullptr) return ncclInvalidArgument;
  state.nccl.advance_jobs(state);
  *result = comm->error != ncclSuccess ? comm->error : comm->job || !comm->ready ? ncclInProgress : ncclSuccess;
  state.idle_poll(str("ncclCommGetAsyncError of ", comm->name));
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t handle) {
  Entry entry;
  if (!entry.alive()) return ncclSystemError;
  State& state = entry.state();
  Comm* comm = comm_of(entry, handle, "ncclCommFinalize");
  if (comm == nullptr) return ncclInvalidArgument;
  if (std::exchange(comm->finalized, true)) {
    state.report(str("ncclCommFinalize of ", comm->name, ": it was finalized"));
    return ncclInvalidUsage;
  }
  const auto positions = positions_of(*comm);
  const bool over = state.wait(
      entry.lock(), str("the end of ", comm->name), [&] { return positions; },
      [&] { return comm->aborted || all_over(state, positions); });
  return !over ? ncclSystemError : comm->aborted ? ncclInternalError : ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t handle) {
  Entry entry;
  if (!entry.alive()) return ncclSystemError;
  State& state = entry.state();
  Comm* comm = comm_of(entry, handle, "ncclCommDestroy");
  if (comm == nullptr) return ncclInvalidArgument;
  state.endings[comm->owner].push_back("ncclCommDestroy " + comm->name);
  const auto positions = positions_of(*comm);
  const bool over = state.wait(
      entry.lock(), str("ncclCommDestroy of ", comm->name), [&] { return positions; },
      [&] { return comm->aborted || all_over(state, positions); });
  comm->destroyed = true;
  return over ? ncclSuccess : ncclSystemError;
}

ncclResult_t ncclCommAbort(ncclComm_t handle) {
  Entry entry;
  if (!entry.alive()) return ncclSystemError;
  State& state = entry.state();
  Comm* comm = comm_of(entry, handle, "ncclCommAbort");
  if (comm == nullptr) return ncclInvalidArgument;
  state.endings[comm->owner].push_back("ncclCommAbort " + comm->name);
  comm->aborted = true;
  state.change();
  if (entry.thread().group_depth > 0) {
    entry.thread().group_aborts.push_back(comm->id);
    return ncclSuccess;
  }
  return reclaim(entry, comm->id);
}

ncclResult_t ncclGroupStart() {
  Entry entry(Entry::Context::kNone);
  if (!entry.alive()) return ncclSystemError;
  ++entry.thread().group_depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  Entry entry(Entry::Context::kNone);
  if (!entry.alive()) return ncclSystemError;
  HostThread& thread = entry.thread();
  if (thread.group_depth == 0) {
    entry.state().report("ncclGroupEnd without ncclGroupStart");
    return ncclInvalidUsage;
  }
  if (--thread.group_depth > 0) return ncclSuccess;
  const std::vector<Call> calls = std::exchange(thread.group, {});
  for (const int id : std::exchange(thread.group_aborts, {})) {
    const ncclResult_t code = reclaim(entry, id);
    if (code != ncclSuccess) return code;
  }
  return end_group(entry, calls);
}

ncclResult_t ncclAllReduce(const void* send, void* receive, std::size_t count, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t comm, cudaStream_t stream) {
  return call({0, Kind::kAllReduce, send, receive, count, type, op}, comm, stream);
}

ncclResult_t ncclReduceScatter(const void* send, void* receive, std::size_t count, ncclDataType_t type, ncclRedOp_t op,
                               ncclComm_t comm, cudaStream_t stream) {
  return call({0, Kind::kReduceScatter, send, receive, count, type, op}, comm, stream);
}

ncclResult_t ncclAllGather(const void* send, void* receive, std::size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
  return call({0, Kind::kAllGather, send, receive, count, type}, comm, stream);
}

ncclResult_t ncclBroadcast(const void* send, void* receive, std::size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
  return call({0, Kind::kBroadcast, send, receive, count, type, ncclSum, root}, comm, stream);
}

ncclResult_t ncclSend(const void* send, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return call({0, Kind::kSend, send, nullptr, count, type, ncclSum, peer}, comm, stream);
}

ncclResult_t ncclRecv(void* receive, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return call({0, Kind::kReceive, nullptr, receive, count, type, ncclSum, peer}, comm, stream);
}

}  // extern "C"
