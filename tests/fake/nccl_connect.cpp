// How the fake NCCL connects. Like NCCL it does so at the end of the first group that needs a connection, for the
// transfers of that group alone: in round i a rank exchanges one message with the ranks i places after and before it,
// and the message has room for the connections that this rank's group asks for. When rank + i and rank - i are one
// peer, both directions share a message; so a group that sends and receives and a peer's group that only receives make
// messages of different sizes. When they are two peers, a group that also receives waits until that peer's group sends.
#include "base/error.hpp"
#include "tests/fake/nccl_state.hpp"
#include "tests/fake/state.hpp"

namespace trireme::fake {

namespace {

/// Connections that are being made for one group.
class Handshake {
 public:
  Handshake(State& state, int comm, const std::vector<Call>& calls) : state_(state), comm_(comm) {
    const Comm& own = state_.nccl.comms.at(comm);
    for (const Call& call : calls) {
      if (call.kind != Kind::kSend && call.kind != Kind::kReceive) {
        collective_ = !own.collectives_connected;
      } else if (call.peer == own.rank) {
        continue;
      } else if (call.kind == Kind::kSend && own.connected_to.count(call.peer) == 0) {
        to_.insert(call.peer);
      } else if (call.kind == Kind::kReceive && own.connected_from.count(call.peer) == 0) {
        from_.insert(call.peer);
      }
    }
  }

  ncclResult_t advance() {
    Comm& own = state_.nccl.comms.at(comm_);
    Clique& clique = *own.clique;
    for (; round_ < clique.size; ++round_, sent_ = false) {
      const ncclResult_t code = exchange(own, clique);
      if (code != ncclSuccess) return code;
    }
    own.connected_to.insert(to_.begin(), to_.end());
    own.connected_from.insert(from_.begin(), from_.end());
    if (!collective_) return ncclSuccess;
    if (clique.first_collective.insert(own.rank).second) state_.change();
    if (std::ssize(clique.first_collective) < clique.size) return any_aborted(clique);
    own.collectives_connected = true;
    return ncclSuccess;
  }

 private:
  ncclResult_t exchange(const Comm& own, Clique& clique) {
    const int next = (own.rank + round_) % clique.size;
    const int previous = (own.rank + clique.size - round_) % clique.size;
    const int sends = static_cast<int>(to_.count(next));
    const int receives = static_cast<int>(from_.count(previous));
    if (next == previous) {
      if (sends + receives == 0) return ncclSuccess;
      if (!sent_) post(clique, own.rank, next, sends + receives);
      return fetch(clique, own.rank, {{next, sends + receives}});
    }
    if (!sent_) {
      if (receives > 0) post(clique, own.rank, previous, receives);
      if (sends > 0) post(clique, own.rank, next, sends);
    }
    std::vector<std::pair<int, int>> expected;
    if (sends > 0) expected.push_back({next, sends});
    if (receives > 0) expected.push_back({previous, receives});
    return fetch(clique, own.rank, expected);
  }

  void post(Clique& clique, int from, int to, int connections) {
    clique.mail[{from, to, round_}].push_back(connections);
    sent_ = true;
    state_.change();
  }

  ncclResult_t fetch(Clique& clique, int rank, const std::vector<std::pair<int, int>>& expected) {
    for (const auto& [peer, connections] : expected) {
      if (clique.mail[{peer, rank, round_}].empty()) return any_aborted(clique);
    }
    for (const auto& [peer, connections] : expected) {
      auto& box = clique.mail[{peer, rank, round_}];
      const int found = box.front();
      box.pop_front();
      if (found == connections) continue;
      state_.nccl.last_error = base::str("the message of rank ", peer, " to rank ", rank, " has room for ", found,
                                         " connections instead of ", connections);
      return ncclInternalError;
    }
    return ncclSuccess;
  }

  ncclResult_t any_aborted(const Clique& clique) {
    for (const auto& [rank, comm] : clique.comms) {
      if (!state_.nccl.comms.at(comm).aborted) continue;
      state_.nccl.last_error = base::str("rank ", rank, " closed its connections");
      return ncclRemoteError;
    }
    return ncclInProgress;
  }

  State& state_;
  int comm_;
  std::set<int> to_;
  std::set<int> from_;
  bool collective_ = false;
  int round_ = 1;
  bool sent_ = false;
};

}  // namespace

std::function<ncclResult_t()> connect_job(State& state, int comm, const std::vector<Call>& calls) {
  return [handshake = std::make_shared<Handshake>(state, comm, calls)] { return handshake->advance(); };
}

}  // namespace trireme::fake
