// The nccl* functions that launch something, and texts.
#include <nccl.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "tests/fake/nccl_handles.hpp"
#include "tests/fake/state.hpp"

namespace trireme::fake {

namespace {

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
