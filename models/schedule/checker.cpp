#include "models/schedule/checker.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/error.hpp"

namespace trireme::schedule {

using base::str;

namespace {

using Key = std::tuple<Payload, int, int>;  // payload, producing chunk, micro-batch

Key key_of(const Transfer& transfer) { return {transfer.payload, transfer.chunk, transfer.micro_batch}; }

struct Wrong {
  std::string what;
};

class Rehearsal {
 public:
  Rehearsal(const std::vector<StageActions>& stages, int chunks_per_stage, int micro_batches)
      : stages_(stages),
        count_(static_cast<int>(stages.size())),
        all_chunks_(count_ * chunks_per_stage),
        micro_batches_(micro_batches),
        position_(stages.size(), 0),
        holds_(stages.size()),
        live_(stages.size(), 0),
        most_live_(stages.size(), 0) {}

  std::vector<int> run() {
    check_matching_orders();
    for (bool moved = true; moved;) {
      moved = false;
      for (int stage = 0; stage < count_; ++stage) {
        while (step(stage)) moved = true;
      }
    }
    check_all_finished();
    return most_live_;
  }

 private:
  // Both ends of a link must list their transfers in the same order.
  void check_matching_orders() {
    std::map<std::pair<int, int>, std::vector<Key>> sent, received;
    for (int stage = 0; stage < count_; ++stage) {
      for (std::size_t at = 0; at < stages_[stage].size(); ++at) {
        for (const Transfer& transfer : stages_[stage][at].transfers) {
          if (transfer.peer < 0 || transfer.peer >= count_ || transfer.peer == stage) {
            throw Wrong{str("stage ", stage, " names peer ", transfer.peer)};
          }
          const bool send = transfer.direction == Direction::kSend;
          const std::pair<int, int> way = send ? std::pair(stage, transfer.peer) : std::pair(transfer.peer, stage);
          (send ? sent : received)[way].push_back(key_of(transfer));
          const bool fresh = group_of_.emplace(std::tuple(stage, send, way, key_of(transfer)), at).second;
          if (!fresh) throw Wrong{str("stage ", stage, " lists a transfer twice: ", to_string(stages_[stage][at]))};
        }
      }
    }
    for (int from = 0; from < count_; ++from) {
      for (int to = 0; to < count_; ++to) {
        if (sent[{from, to}] != received[{from, to}]) {
          throw Wrong{str("stages ", from, " and ", to, " list the transfers from ", from, " to ", to,
                          " in different orders, or one lacks a counterpart")};
        }
      }
    }
  }

  // Executes the stage's next action if possible; returns false at the end or when the stage has to wait.
  bool step(int stage) {
    if (position_[stage] == stages_[stage].size()) return false;
    const Action& action = stages_[stage][position_[stage]];
    if (action.kind == ActionKind::kExchange) {
      if (!all_met(stage, action)) return false;
      for (const Transfer& transfer : action.transfers) {
        if (transfer.direction == Direction::kReceive) holds_[stage].insert(key_of(transfer));
      }
    } else {
      compute(stage, action);
    }
    ++position_[stage];
    return true;
  }

  bool all_met(int stage, const Action& action) {
    for (const Transfer& transfer : action.transfers) {
      const bool send = transfer.direction == Direction::kSend;
      if (send && holds_[stage].count(key_of(transfer)) == 0) {
        throw Wrong{str("stage ", stage, " sends what it has not computed: ", to_string(action))};
      }
      const std::pair<int, int> way = send ? std::pair(stage, transfer.peer) : std::pair(transfer.peer, stage);
      if (position_[transfer.peer] < group_of_.at(std::tuple(transfer.peer, !send, way, key_of(transfer))))
        return false;
    }
    return true;
  }

  void need(int stage, const Action& action, const Key& input) {
    if (holds_[stage].count(input) == 0) {
      throw Wrong{str("stage ", stage, " lacks the input of ", to_string(action))};
    }
  }

  void compute(int stage, const Action& action) {
    const auto [kind, chunk, micro_batch, transfers] = action;
    const bool forward = kind == ActionKind::kForward;
    if (chunk < 0 || chunk >= all_chunks_ || chunk % count_ != stage || micro_batch < 0 ||
        micro_batch >= micro_batches_) {
      throw Wrong{str("stage ", stage, " has no ", to_string(action))};
    }
    const Key forward_key{Payload::kActivation, chunk, micro_batch};
    const Key backward_key{Payload::kGradient, chunk, micro_batch};
    if (forward && chunk > 0) need(stage, action, {Payload::kActivation, chunk - 1, micro_batch});
    if (!forward && holds_[stage].count(forward_key) == 0) {
      throw Wrong{str("stage ", stage, " does ", to_string(action), " before its forward")};
    }
    if (!forward && chunk + 1 < all_chunks_) need(stage, action, {Payload::kGradient, chunk + 1, micro_batch});
    if (!holds_[stage].insert(forward ? forward_key : backward_key).second) {
      throw Wrong{str("stage ", stage, " does ", to_string(action), " twice")};
    }
    ++computes_;
    live_[stage] += forward ? 1 : -1;
    most_live_[stage] = std::max(most_live_[stage], live_[stage]);
  }

  void check_all_finished() const {
    std::string waiting;
    for (int stage = 0; stage < count_; ++stage) {
      if (position_[stage] == stages_[stage].size()) continue;
      waiting += str(waiting.empty() ? "" : ", ", "stage ", stage, " at ", to_string(stages_[stage][position_[stage]]));
    }
    if (!waiting.empty()) throw Wrong{"deadlock: " + waiting};
    const long expected = 2L * all_chunks_ * micro_batches_;
    if (computes_ != expected) throw Wrong{str("only ", computes_, " of ", expected, " computes are listed")};
  }

  const std::vector<StageActions>& stages_;
  int count_, all_chunks_, micro_batches_;
  std::vector<std::size_t> position_;
  std::vector<std::set<Key>> holds_;  // per stage: what it computed or received
  std::vector<int> live_, most_live_;
  std::map<std::tuple<int, bool, std::pair<int, int>, Key>, std::size_t> group_of_;
  long computes_ = 0;
};

}  // namespace

CheckResult check_rendezvous(const std::vector<StageActions>& stages, int chunks_per_stage, int micro_batches) {
  try {
    return {"", Rehearsal(stages, chunks_per_stage, micro_batches).run()};
  } catch (const Wrong& wrong) {
    return {wrong.what, {}};
  }
}

}  // namespace trireme::schedule
