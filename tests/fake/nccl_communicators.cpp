// The nccl* functions that make communicators, ask them and end them.
#include <nccl.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "tests/fake/nccl_handles.hpp"

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

namespace {

std::vector<Position> positions_of(const Comm& comm) {
  std::vector<Position> positions;
  for (const auto& kernel : comm.kernels) positions.push_back(kernel->at);
  return positions;
}

bool all_over(State& state, const std::vector<Position>& positions) {
  return std::all_of(positions.begin(), positions.end(), [&](const Position& at) { return state.streams.over(at); });
}

}  // namespace

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

}  // namespace trireme::fake

using namespace trireme::fake;
using trireme::base::str;

extern "C" {

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

}  // extern "C"
