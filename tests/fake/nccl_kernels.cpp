// What the fake NCCL's kernels do on their streams: a collective ends when every rank's kernel runs, a transfer when
// both sides' kernels run.
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "collectives/ops/reduce.hpp"
#include "tests/fake/nccl_state.hpp"
#include "tests/fake/state.hpp"

namespace trireme::fake {

const char* name_of(Kind kind) {
  constexpr const char* kNames[] = {"ncclAllReduce", "ncclReduceScatter", "ncclAllGather",
                                    "ncclBroadcast", "ncclSend",          "ncclRecv"};
  return kNames[static_cast<int>(kind)];
}

namespace {

collectives::DataType type_of(ncclDataType_t type) {
  switch (type) {
    case ncclFloat64: return collectives::DataType::kFloat64;
    case ncclFloat32: return collectives::DataType::kFloat32;
    case ncclBfloat16: return collectives::DataType::kBFloat16;
    case ncclInt64: return collectives::DataType::kInt64;
    default: return collectives::DataType::kUInt8;
  }
}

collectives::ReduceOp op_of(ncclRedOp_t op) {
  if (op == ncclMin) return collectives::ReduceOp::kMin;
  return op == ncclMax ? collectives::ReduceOp::kMax : collectives::ReduceOp::kSum;
}

const char* bytes_at(const void* data, std::size_t offset) { return static_cast<const char*>(data) + offset; }

std::size_t pieces_sent(const Call& call, int size) {
  return call.kind == Kind::kReduceScatter ? static_cast<std::size_t>(size) : 1;
}

std::size_t pieces_received(const Call& call, int size) {
  return call.kind == Kind::kAllGather ? static_cast<std::size_t>(size) : 1;
}

Range read_by(const Call& call, int size, int rank) {
  if (call.kind == Kind::kReceive || (call.kind == Kind::kBroadcast && rank != call.peer)) return {};
  return {bytes_at(call.send, 0), pieces_sent(call, size) * call.count * size_of(call.type)};
}

Range written_by(const Call& call, int size) {
  if (call.kind == Kind::kSend) return {};
  return {bytes_at(call.receive, 0), pieces_received(call, size) * call.count * size_of(call.type)};
}

/// What each rank receives in a collective whose kernels all run.
std::vector<char> result_for(const std::vector<Part>& parts, int rank) {
  const auto call_of = [&](std::size_t r) -> const Call& { return parts[r].kernel->calls[parts[r].call]; };
  const Call& own = call_of(static_cast<std::size_t>(rank));
  const std::size_t bytes = own.count * size_of(own.type);
  std::vector<char> result;
  if (own.kind == Kind::kBroadcast) {
    const char* from = bytes_at(call_of(static_cast<std::size_t>(own.peer)).send, 0);
    result.assign(from, from + bytes);
  } else if (own.kind == Kind::kAllGather) {
    for (std::size_t r = 0; r < parts.size(); ++r) {
      const char* from = bytes_at(call_of(r).send, 0);
      result.insert(result.end(), from, from + bytes);
    }
  } else {
    const std::size_t offset = own.kind == Kind::kReduceScatter ? static_cast<std::size_t>(rank) * bytes : 0;
    std::vector<const void*> inputs;
    for (std::size_t r = 0; r < parts.size(); ++r) inputs.push_back(bytes_at(call_of(r).send, offset));
    result.resize(bytes);
    collectives::reduce(result.data(), inputs.data(), static_cast<int>(inputs.size()), own.count, type_of(own.type),
                        op_of(own.op));
  }
  return result;
}

bool same(const Call& a, const Call& b) {
  if (a.kind != b.kind || a.count != b.count || a.type != b.type) return false;
  if (a.kind == Kind::kBroadcast) return a.peer == b.peer;
  return a.kind == Kind::kAllGather || a.op == b.op;
}

/// A kernel and the machine it runs on.
class Run {
 public:
  Run(State& state, std::shared_ptr<Kernel> kernel) : state_(state), kernel_(std::move(kernel)) {}

  bool ready(std::vector<Position>& needs) {
    Kernel& kernel = *kernel_;
    if (!comm().aborted && must_wait_its_turn()) {
      needs.push_back(kernel.previous->at);
      return false;
    }
    kernel.previous.reset();
    kernel.running = true;
    if (comm().aborted) return true;
    if (kernel.hung) return false;
    bool all = true;
    for (std::size_t i = 0; i < kernel.calls.size(); ++i) {
      if (!kernel.done[i] && !meet(i, needs)) all = false;
    }
    return all;
  }

  void complete() {
    Kernel& kernel = *kernel_;
    for (std::size_t i = 0; i < kernel.calls.size(); ++i) {
      const Range out = written_by(kernel.calls[i], comm().clique->size);
      if (out.bytes == 0) continue;
      if (kernel.done[i]) {
        copy_bytes(const_cast<char*>(out.begin), kernel.results[i].data(), out.bytes);
      } else {  // aborted
        fill_bytes(const_cast<char*>(out.begin), kNothing, out.bytes);
      }
      kernel.results[i] = {};
    }
  }

  std::string waits_for() {
    const Kernel& kernel = *kernel_;
    std::string text = base::str("communicator ", comm().name, " waits for");
    if (must_wait_its_turn()) {
      return text + " the start of communicator " + state_.nccl.comms.at(kernel.previous->comm).name;
    }
    if (kernel.hung) return text + " a network that hangs";
    const Call& first = kernel.calls[0];
    if (first.kind == Kind::kSend || first.kind == Kind::kReceive) {
      for (std::size_t i = 0; i < kernel.calls.size(); ++i) {
        if (!kernel.done[i])
          text += base::str(" ", fake::name_of(kernel.calls[i].kind), " of rank ", kernel.calls[i].peer);
      }
      return text;
    }
    for (int rank = 0; rank < comm().clique->size; ++rank) {
      const auto& list = comm().clique->collectives[static_cast<std::size_t>(rank)];
      if (list.size() <= kernel.places[0] || !list[kernel.places[0]].kernel->running) text += base::str(" rank ", rank);
    }
    return text;
  }

 private:
  Comm& comm() { return state_.nccl.comms.at(kernel_->comm); }

  bool must_wait_its_turn() {
    const auto& previous = kernel_->previous;
    return state_.options.launch_order && !kernel_->running && previous && !previous->running &&
           !state_.nccl.comms.at(previous->comm).aborted;
  }

  /// Whether a kernel of another rank takes part now; otherwise says what it needs.
  bool takes_part(const Kernel& other, std::vector<Position>& needs) {
    if (other.hung || state_.nccl.comms.at(other.comm).aborted) return false;
    if (!other.running) needs.push_back(other.at);
    return other.running;
  }

  bool meet(std::size_t i, std::vector<Position>& needs) {
    const Kind kind = kernel_->calls[i].kind;
    return kind == Kind::kSend || kind == Kind::kReceive ? meet_peer(i, needs) : meet_all(i, needs);
  }

  bool meet_all(std::size_t i, std::vector<Position>& needs) {
    Clique& clique = *comm().clique;
    std::vector<Part> parts;
    bool all = true;
    for (const auto& list : clique.collectives) {
      if (list.size() <= kernel_->places[i]) return false;
      parts.push_back(list[kernel_->places[i]]);
      all = takes_part(*parts.back().kernel, needs) && all;
    }
    if (!all) return false;
    for (std::size_t rank = 0; rank < parts.size(); ++rank) {
      const Call& call = parts[rank].kernel->calls[parts[rank].call];
      if (!same(kernel_->calls[i], call)) {
        state_.report(base::str("collective ", kernel_->places[i], " of ", comm().name, ": ",
                                fake::name_of(kernel_->calls[i].kind), " of ", kernel_->calls[i].count,
                                " elements here, ", fake::name_of(call.kind), " of ", call.count, " on rank ", rank));
        return false;
      }
    }
    for (std::size_t rank = 0; rank < parts.size(); ++rank) {
      Kernel& kernel = *parts[rank].kernel;
      kernel.results[parts[rank].call] = result_for(parts, static_cast<int>(rank));
      kernel.done[parts[rank].call] = true;
    }
    return true;
  }

  bool meet_peer(std::size_t i, std::vector<Position>& needs) {
    Clique& clique = *comm().clique;
    const Call& own = kernel_->calls[i];
    const bool sends = own.kind == Kind::kSend;
    const std::pair<int, int> way = sends ? std::pair(comm().rank, own.peer) : std::pair(own.peer, comm().rank);
    const auto& others = sends ? clique.receives[way] : clique.sends[way];
    if (others.size() <= kernel_->places[i]) return false;
    const Part& other = others[kernel_->places[i]];
    if (!takes_part(*other.kernel, needs)) return false;
    const Call& theirs = other.kernel->calls[other.call];
    if (own.count != theirs.count || own.type != theirs.type) {
      state_.report(base::str(comm().name, ": ", own.count, " elements here, ", theirs.count, " on rank ", own.peer));
      return false;
    }
    const void* from = sends ? own.send : theirs.send;
    std::vector<char>& result = sends ? other.kernel->results[other.call] : kernel_->results[i];
    result.assign(bytes_at(from, 0), bytes_at(from, own.count * size_of(own.type)));
    other.kernel->done[other.call] = true;
    kernel_->done[i] = true;
    return true;
  }

  State& state_;
  std::shared_ptr<Kernel> kernel_;
};

std::size_t enlist(Clique& clique, const Comm& comm, const Call& call, const Part& part) {
  auto& list = call.kind == Kind::kSend      ? clique.sends[{comm.rank, call.peer}]
               : call.kind == Kind::kReceive ? clique.receives[{call.peer, comm.rank}]
                                             : clique.collectives[static_cast<std::size_t>(comm.rank)];
  list.push_back(part);
  return list.size() - 1;
}

void launch_kernel(State& state, Comm& comm, const std::vector<Call>& calls) {
  auto kernel = std::make_shared<Kernel>();
  kernel->comm = comm.id;
  kernel->calls = calls;
  kernel->results.resize(calls.size());
  kernel->done.resize(calls.size());
  Operation operation;
  operation.text = base::str(name_of(calls[0].kind), " of ", comm.name);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    kernel->places.push_back(enlist(*comm.clique, comm, calls[i], {kernel, i}));
    operation.reads.push_back(read_by(calls[i], comm.clique->size, comm.rank));
    operation.writes.push_back(written_by(calls[i], comm.clique->size));
  }
  Injections& injected = state.injections[comm.owner];
  kernel->hung = injected.hang_kernel || injected.kernel_error != ncclSuccess;
  if (injected.kernel_error != ncclSuccess) {
    comm.error = injected.kernel_error;
    state.nccl.last_error = injected.text;
  }
  injected.hang_kernel = false;
  injected.kernel_error = ncclSuccess;
  const auto run = std::make_shared<Run>(state, kernel);
  operation.ready = [run](std::vector<Position>& needs) { return run->ready(needs); };
  operation.complete = [run] { run->complete(); };
  operation.waits_for = [run] { return run->waits_for(); };
  Stream& stream = *state.streams.find(calls[0].stream);
  stream.nccl = true;
  kernel->at = state.streams.add(state, stream, std::move(operation));
  comm.kernels.push_back(kernel);
  kernel->previous = std::exchange(state.nccl.last_kernel[comm.owner], kernel);
}

}  // namespace

std::size_t size_of(ncclDataType_t type) { return collectives::size_of(type_of(type)); }

void launch(State& state, int id, const std::vector<Call>& calls) {
  Comm& comm = state.nccl.comms.at(id);
  std::vector<Call> transfers;
  for (const Call& call : calls) {
    for (const Range& range : {read_by(call, comm.clique->size, comm.rank), written_by(call, comm.clique->size)}) {
      const std::string refusal = state.memory.refusal(range, comm.device);
      if (!refusal.empty()) state.report(base::str(name_of(call.kind), " of ", comm.name, " uses ", refusal));
    }
    if (call.kind == Kind::kSend || call.kind == Kind::kReceive) {
      transfers.push_back(call);
    } else {
      launch_kernel(state, comm, {call});
    }
  }
  if (!transfers.empty()) launch_kernel(state, comm, transfers);
}

}  // namespace trireme::fake
